# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Guard pages: memory that nothing may read, so that kernels which reach beyond their operands show it.

Vector code for sizes that no vector divides reads whole vectors and masks what lies outside. Where a masked read
meets memory that is not there, the processor takes some 100 ns for it (computed: 7.6 ms more for about 71,000 such
reads). So a kernel's time can depend on what
happens to follow its operands: a product of 101 x 211 x 103 took 0.42 ms, or 8 ms where the last rows of a step were
read from beyond the heap (AVX2, AMD EPYC). Beside other data in one buffer it would never be seen.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# What is left free after each operand. What reads farther meets the next one, and is not found out.
GAP_BYTES = 256 * 1024
# PROT_NONE, which Python does not name.
_NOTHING = 0


def pages_between(address: int, regions: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The whole pages of a buffer at `address` that no region (its begin and its end in the buffer) touches.

    Given and returned in bytes; an address and a length for each stretch of pages.
    """
    stretches = []
    end = 0
    for begin, following in [*sorted(regions), (size, size)]:
        first = -(-(address + end) // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (address + begin) // mmap.PAGESIZE * mmap.PAGESIZE
        if last > first:
            stretches.append((first, last - first))
        end = max(end, following)
    return stretches


@contextmanager
def guarded(stretches: Sequence[tuple[int, int]]) -> Iterator[None]:
    """For its time nothing can be read or written there; what is there stays."""
    library = ctypes.CDLL(None, use_errno=True)

    def protect(allowed: int) -> None:
        for address, length in stretches:
            if library.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(length), allowed):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))

    try:
        protect(_NOTHING)
        yield
    finally:
        protect(mmap.PROT_READ | mmap.PROT_WRITE)

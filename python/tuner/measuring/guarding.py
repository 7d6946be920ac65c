# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Guard pages: memory that nothing may read, so that dispatches that read beyond their operands show it.

If no vector divides a size, vector code reads whole vectors and masks what lies outside. If a masked read meets
unmapped memory, the processor takes about 100 ns for it (computed: 7.6 ms more for about 71,000 such reads). So the
time of a dispatch can depend on what happens to follow its operands. A product of 101 x 211 x 103 took 0.42 ms, or 8 ms
if the last rows of a step were read from beyond the heap (AVX2, AMD EPYC). With other data behind the operands, in one
buffer, this would never show.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Free bytes after each operand. A read beyond them meets the next operand, and goes unnoticed.
GAP_BYTES = 256 * 1024
# PROT_NONE, for which Python has no name.
_NOTHING = 0


def pages_between(address: int, regions: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The whole pages of a buffer at `address` that no region touches.

    A region is given by its start and end in the buffer, a stretch of pages by its address and length, all in bytes.
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
    """While it is entered, nothing in the stretches can be read or written. Their contents stay."""
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

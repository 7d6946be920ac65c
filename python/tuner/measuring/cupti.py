# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The clock of NVIDIA GPUs: CUPTI notes when each dispatch started and ended on the device, in this very process.

CUPTI comes with the CUDA toolkit, and with the PyPI packages `nvidia-cuda-cupti` and `nvidia-cuda-cupti-cu12`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuner.errors import MeasurementError

# Names the library's file, in place of those below.
VARIABLE = "IREE_TUNER_CUPTI"
_NAMES = ("libcupti.so.13", "libcupti.so.12", "libcupti.so")
_TOOLKIT = ("/usr/local/cuda/lib64", "/usr/local/cuda/extras/CUPTI/lib64")
# Its place in PyPI's packages, below a folder of packages.
_PACKAGED = ("nvidia/cu13/lib", "nvidia/cuda_cupti/lib")

# Source: CUpti_ActivityKind, CUpti_ActivityFlag and CUptiResult in CUPTI's headers of 12.8 and 13.0.
_SERIAL, _CONCURRENT = 3, 10
_FORCED = 1
_NO_MORE = 12
# A record of a dispatch, as far as it is read: its kind, the start and the end in nanoseconds; both are 0 if unknown.
# Source: CUpti_ActivityKernel3 of CUDA 6.5 to CUpti_ActivityKernel10 of CUDA 13 agree up to there.
RECORD = struct.Struct("<I12xQQ")
# CUPTI fills a buffer before it asks for the next. A record takes some 250 bytes.
_BUFFER_BYTES = 4 * 2**20

_GIVE = ctypes.CFUNCTYPE(
    None, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)
)
_TAKE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)


class Cupti:
    """The clock (`tuner.measuring.clocks.Clock`). There is one in a process, since CUPTI has one set of callbacks."""

    def __init__(self, library: Any) -> None:
        """`library`: CUPTI, with the functions of its activity API. Raises MeasurementError if it refuses to record."""
        self._library = library
        self._buffers: dict[int, Any] = {}
        self._free: list[int] = []
        self._filled: list[tuple[int, int]] = []
        # CUPTI keeps pointers to them for as long as the process lives.
        self._callbacks = (_GIVE(self._give), _TAKE(self._take))
        self._do("cuptiActivityRegisterCallbacks", *self._callbacks)
        self._recorded(lambda: None)

    def seconds(self, run: Callable[[int], None], times: int) -> float:
        spans = self._recorded(lambda: run(times))
        if not spans or len(spans) % times:
            raise MeasurementError(f"CUPTI recorded {len(spans)} dispatches of {times} runs")
        if not all(0 < start <= end for start, end in spans):
            raise MeasurementError("CUPTI recorded dispatches without their times")
        return sum(end - start for start, end in spans) / times / 1e9

    def _recorded(self, run: Callable[[], None]) -> list[tuple[int, int]]:
        """The start and the end of each dispatch that `run` runs, and waits for, in nanoseconds."""
        self._do("cuptiActivityEnable", _CONCURRENT)
        try:
            run()
        finally:
            self._do("cuptiActivityFlushAll", _FORCED)
            self._do("cuptiActivityDisable", _CONCURRENT)
            filled, self._filled = self._filled, []
            # They are read before anything is recorded again.
            self._free += [address for address, _ in filled]
        return [span for address, size in filled for span in self._spans(address, size)]

    def _spans(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """Those of one buffer. CUPTI finds its records, whose sizes differ by release."""
        record = ctypes.c_void_p()
        buffer = ctypes.c_void_p(address)
        following = self._library.cuptiActivityGetNextRecord
        while not (ended := following(buffer, ctypes.c_size_t(size), ctypes.byref(record))):
            kind, start, end = RECORD.unpack(ctypes.string_at(record.value or 0, RECORD.size))
            if kind in (_SERIAL, _CONCURRENT):
                yield start, end
        if ended != _NO_MORE:
            raise MeasurementError(f"CUPTI's records cannot be read ({self._reason(ended)})")

    def _give(self, buffer: Any, size: Any, most_records: Any) -> None:
        """CUPTI asks for memory, from any thread."""
        if self._free:
            address = self._free.pop()
        else:
            made = ctypes.create_string_buffer(_BUFFER_BYTES)
            address = ctypes.addressof(made)
            self._buffers[address] = made
        buffer[0], size[0], most_records[0] = address, _BUFFER_BYTES, 0

    def _take(self, _context: int | None, _stream: int, buffer: int, _size: int, valid: int) -> None:
        """CUPTI gives memory back, of which `valid` bytes are records."""
        self._filled.append((buffer, valid))

    def _do(self, name: str, *arguments: Any) -> None:
        failed = getattr(self._library, name)(*arguments)
        if failed:
            raise MeasurementError(f"CUPTI cannot time dispatches: {name} failed ({self._reason(failed)})")

    def _reason(self, failed: int) -> str:
        text = ctypes.c_char_p()
        self._library.cuptiGetResultString(failed, ctypes.byref(text))
        return f"{(text.value or b'unknown').decode(errors='replace')}, {failed}"


_opened: list[Cupti] = []


def open_clock() -> Cupti:
    """The clock of this process. Raises MeasurementError if CUPTI is not found, or refuses to record."""
    if not _opened:
        _opened.append(Cupti(open_library()))
    return _opened[0]


def open_library() -> ctypes.CDLL:
    """CUPTI's library: that which IREE_TUNER_CUPTI names, or that of the loader, the CUDA toolkit or a PyPI package.

    Raises MeasurementError if there is none.
    """
    named = os.environ.get(VARIABLE)
    for place in [named] if named else _places():
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    where = f"at {named}, which {VARIABLE} names" if named else "in the CUDA toolkit or among Python's packages"
    raise MeasurementError(
        f"the device's clock needs CUPTI, and libcupti.so is not {where}; install it by pip install nvidia-cuda-cupti"
        f" (nvidia-cuda-cupti-cu12 for a driver of CUDA 12), set {VARIABLE} to its path, or run without --clock device"
    )


def _places() -> Iterator[str]:
    yield from _NAMES
    folders = [*_TOOLKIT, *(str(Path(folder) / place) for folder in sys.path if folder for place in _PACKAGED)]
    yield from (f"{folder}/{name}" for folder in folders for name in _NAMES)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a machine can do at most: measured once, and kept for the runs that are made on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.files import write_atomically
from tuner.foreign import parse_json
from tuner.jsonable import from_plain, to_plain
from tuner.rates.work import Footprint

# The name of the file in the folder of runs.
PEAKS_FILE = "peaks.json"
# The type whose operations are measured.
PEAK_TYPE = "f32"
# A rate that no machine reaches, per second: a file with more is damaged.
_IMPOSSIBLE = 1e18


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest rates that programs which IREE compiled reached on a device.

    `processor`: its name. `device`: IREE's URI, without processors. `operations_per_s`: multiplications and additions
    of f32. `bytes_per_s`: read and written in the memory, beyond every cache.
    """

    processor: str
    device: str
    threads: int
    operations_per_s: float
    bytes_per_s: float

    def is_of(self, processor: str, device: str, threads: int) -> bool:
        """Whether these are the peaks of what programs run on."""
        return (self.processor, self.device, self.threads) == (processor, device, threads)

    def least_s(self, footprint: Footprint) -> float | None:
        """The seconds that so much work takes at least; None if the peak of its type of operations is not known."""
        if footprint.operations and footprint.types != PEAK_TYPE:
            return None
        return max(footprint.operations / self.operations_per_s, footprint.bytes / self.bytes_per_s)


def check_peaks(peaks: Peaks) -> None:
    """Raises ValueError for rates that no machine has."""
    for what, rate in (("operations", peaks.operations_per_s), ("bytes", peaks.bytes_per_s)):
        if not 0 < rate < _IMPOSSIBLE:
            raise ValueError(f"{rate:g} {what} a second are no peak")


def read_peaks(path: Path) -> tuple[Peaks, ...]:
    """The peaks that a file keeps; none if there is no such file, or if it is not what `keep_peaks` writes."""
    try:
        found = from_plain(tuple[Peaks, ...], parse_json(path.read_bytes()))
        for peaks in found:
            check_peaks(peaks)
    except (OSError, ValueError):
        return ()
    return found


def keep_peaks(path: Path, peaks: Peaks) -> None:
    """Adds peaks to a file, in place of earlier ones of the same device. Raises OSError."""
    others = [kept for kept in read_peaks(path) if not kept.is_of(peaks.processor, peaks.device, peaks.threads)]
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(to_plain((*others, peaks)), indent=1) + "\n")


def find_peaks(known: Sequence[Peaks], processor: str, device: str, threads: int) -> Peaks | None:
    """The peaks of a device with this number of threads; None if they were not measured."""
    return next((peaks for peaks in known if peaks.is_of(processor, device, threads)), None)

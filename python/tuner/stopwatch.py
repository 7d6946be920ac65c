# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the wall time of a run goes: compiling, measuring, solving, and the rest, which is the tuner's own cost.

Any thread may time its work; the time of other processes is added when they report it. Times are seconds since the
epoch, the one clock that processes share.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Part(StrEnum):
    """What time is spent on. A moment with several of them counts for the first."""

    MEASURING = "measuring"
    COMPILING = "compiling"
    SOLVING = "solving"
    STARTING = "starting"


@dataclass(frozen=True, slots=True)
class WallTime:
    """The seconds of a run.

    `compiling_s`: a compiler works, on a candidate or a model. `measuring_s`: the measuring process answers, its
    loading, data and checks included. `solving_s`: spaces are solved, and the search strategy thinks. `starting_s`:
    processes start and modules are imported, ours among them, while nothing else goes on.
    """

    total_s: float
    compiling_s: float
    measuring_s: float
    solving_s: float
    starting_s: float

    @property
    def orchestration_s(self) -> float:
        """All that is neither compiling nor measuring nor solving, the starting of processes included."""
        return self.total_s - self.compiling_s - self.measuring_s - self.solving_s

    def __str__(self) -> str:
        parts = ((self.compiling_s, "compiling"), (self.measuring_s, "measuring"), (self.solving_s, "solving"))
        named = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in parts)
        rest = f"the rest {self.orchestration_s:.1f} s ({self.orchestration_s / self.total_s:.1%})"
        return f"{self.total_s:.1f} s: {named}, {rest}, of which {self.starting_s:.1f} s for processes to start"


class Stopwatch:
    """Times the parts of one run. It starts when it is made."""

    def __init__(self, started: float | None = None) -> None:
        """`started`: when the run started (None: now)."""
        self._started = time.time() if started is None else started
        self._lock = Lock()
        # The start and the end of each span, alternating.
        self._spans: dict[Part, array[float]] = {part: array("d") for part in Part}

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return time.time() - self._started

    def add(self, part: Part, started: float, ended: float) -> None:
        """Counts a span of time."""
        with self._lock:
            self._spans[part].extend((started, max(started, ended)))

    @contextmanager
    def of(self, part: Part) -> Iterator[None]:
        """Counts the time that is spent inside."""
        started = time.time()
        try:
            yield
        finally:
            self.add(part, started, time.time())

    def read(self) -> WallTime:
        """Where the time went so far."""
        now = time.time()
        with self._lock:
            spans = [np.array(self._spans[part]).reshape(-1, 2).clip(self._started, now) for part in Part]
        covered = [_covered(np.concatenate(spans[: count + 1])) for count in range(len(spans))]
        alone = dict(zip(Part, np.diff([0.0, *covered]).tolist(), strict=True))
        return WallTime(
            now - self._started,
            alone[Part.COMPILING],
            alone[Part.MEASURING],
            alone[Part.SOLVING],
            alone[Part.STARTING],
        )


def process_started() -> float:
    """When this process was started, which is before Python was."""
    # Source: proc(5), field 22 of stat: clock ticks after boot. The name in parentheses may hold spaces.
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS_PER_S
    return time.time() - age_s


def _covered(spans: NDArray[np.float64]) -> float:
    """The length of the union of spans, shape [spans, 2]."""
    if not len(spans):
        return 0.0
    spans = spans[np.argsort(spans[:, 0])]
    ends = np.maximum.accumulate(spans[:, 1])
    before = np.concatenate([spans[:1, 0], ends[:-1]])
    return float(np.maximum(0.0, ends - np.maximum(spans[:, 0], before)).sum())

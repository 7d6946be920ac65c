# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a candidate ended. An end is a value: never an exception, never an infinite time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tuner.dispatch import Annotations, Configuration, Configured


class Fate(StrEnum):
    """The ends that a candidate can come to."""

    COMPILED = "Compiled"
    COMPILE_FAILED = "CompileFailed"
    COMPILE_TIMED_OUT = "CompileTimedOut"
    NOT_APPLIED = "NotApplied"
    RUN_FAILED = "RunFailed"
    TIMED_OUT = "TimedOut"
    WRONG_RESULT = "WrongResult"
    MEASURED = "Measured"


@dataclass(frozen=True, slots=True)
class Compilation:
    """The end of compiling a candidate.

    `configured` is what was read back, `annotations` what a spec entry writes (None for the default), `log` what the
    compiler said. `started` is when it began, in seconds since the epoch; None where that is not known.
    `by_chance`: it was ended from outside again and again, and may end otherwise another time; no store keeps that.
    """

    fate: Fate
    detail: str
    seconds: float
    log: Path
    binary: Path | None = None
    configured: Configured | None = None
    annotations: Annotations | None = None
    started: float | None = None
    by_chance: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The end of a candidate. `number` counts from 0, the compiler's default; `row` is its place in the pool.

    `time_s` is the median seconds of one run, `speedup` the default's median divided by it (above 1 is better). Where
    a candidate reads beyond its operands, `time_s` is longer than the median of its samples by what that can cost.
    """

    number: int
    row: int | None
    configuration: Configuration | None
    fate: Fate
    detail: str
    compilation: Compilation
    time_s: float | None = None
    speedup: float | None = None
    samples_s: tuple[float, ...] = ()

    @property
    def edge_slowdown(self) -> float:
        """As the function of that name."""
        return edge_slowdown(self.time_s, self.samples_s)

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        return {
            "candidate": self.number,
            "configuration": "default" if self.configuration is None else self.configuration.to_json(),
            "fate": self.fate.value,
            "detail": self.detail,
            "compile_s": round(self.compilation.seconds, 4),
            "log": str(self.compilation.log),
            "time_s": self.time_s,
            "speedup": self.speedup,
            "samples_s": list(self.samples_s),
        }


def edge_slowdown(time_s: float | None, samples_s: Sequence[float]) -> float:
    """How many times slower a candidate can be than its samples say, more than the default can: 1 for nearly all."""
    return 1.0 if time_s is None or not samples_s else max(1.0, time_s / statistics.median(samples_s))

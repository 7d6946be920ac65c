# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A candidate, and how it ended. An end is a value: never an exception, never an infinite time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class Candidate:
    """One configuration of a dispatch that is tried.

    `number` counts from 0, the compiler's default, whose `configuration` is None. `row` is its place in the pool and
    `point` its knobs; None and empty if it does not come from a pool.
    """

    number: int
    row: int | None = None
    point: Mapping[str, int] = field(default_factory=dict)
    configuration: Configuration | None = None

    @property
    def is_default(self) -> bool:
        """Whether it is the compiler's own choice."""
        return self.number == 0

    @property
    def choice(self) -> Any:
        """The configuration as plain JSON; "default" for the compiler's own."""
        return "default" if self.configuration is None else self.configuration.to_json()


DEFAULT = Candidate(0)


@dataclass(frozen=True, slots=True)
class Compilation:
    """The end of compiling a candidate.

    `configured` is what was read back, `annotations` what a spec entry writes (None for the default), `log` what the
    compiler printed. `started` is when it started, in seconds since the epoch; None if that is not known.
    `by_chance`: it was killed from outside again and again, and may end otherwise another time; no store keeps that.
    """

    candidate: Candidate
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
    """The end of a candidate.

    `time_s` is the median seconds of one run, `speedup` the default's median divided by it (above 1 is better). If a
    candidate reads beyond its operands, `time_s` is longer than the median of its samples by what that can cost.
    """

    compilation: Compilation
    fate: Fate
    detail: str
    time_s: float | None = None
    speedup: float | None = None
    samples_s: tuple[float, ...] = ()

    @property
    def candidate(self) -> Candidate:
        """What was compiled and measured."""
        return self.compilation.candidate

    @property
    def edge_slowdown(self) -> float:
        """As the function of that name."""
        return edge_slowdown(self.time_s, self.samples_s)

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        return {
            "candidate": self.candidate.number,
            "configuration": self.candidate.choice,
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

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A candidate, and how it ended. An end is a value: never an exception, never an infinite time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tuner.dispatch import Annotations, Configuration, Configured
from tuner.facts import BinaryFacts
from tuner.jsonable import to_plain


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
    `facts`: what the binary says of itself; None for CPUs.
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
    facts: BinaryFacts | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The end of a candidate. Times are seconds of one run.

    `edge_slowdown`: how many times slower than its samples the candidate can be, beyond what the default can, if
    nothing readable follows its operands in memory; 1.0 for nearly all. `time_s` is the lower quartile of `samples_s`
    times `edge_slowdown`. `speedup`: the default's lower quartile divided by `time_s` (above 1 is better).
    """

    compilation: Compilation
    fate: Fate
    detail: str
    time_s: float | None = None
    speedup: float | None = None
    samples_s: tuple[float, ...] = ()
    edge_slowdown: float = 1.0

    @property
    def candidate(self) -> Candidate:
        """What was compiled and measured."""
        return self.compilation.candidate

    def failed(self, fate: Fate, detail: str) -> Evaluation:
        """The candidate if it came to another end afterwards, when it had been measured."""
        return replace(self, fate=fate, detail=detail, time_s=None, speedup=None, samples_s=())

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
            "edge_slowdown": self.edge_slowdown,
            **({"facts": to_plain(self.compilation.facts)} if self.compilation.facts else {}),
        }

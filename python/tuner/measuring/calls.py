# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The calls that a runner makes: values that travel to the process or machine that runs programs.

`Call.on` makes the call there; its result travels back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from tuner.measuring.correctness import Sensitivity, Tolerance, Verification
from tuner.measuring.programs import ProgramSource
from tuner.measuring.racecheck import RaceCheck
from tuner.measuring.repeating import Repeated
from tuner.measuring.served import ServedPrograms

T_co = TypeVar("T_co", covariant=True)


class Call(Protocol[T_co]):
    """One thing to do with programs. A frozen value that can be pickled, and so can its result."""

    def on(self, programs: ServedPrograms) -> T_co:
        """Does it. Raises MeasurementError, RuntimeError, ValueError, OSError or MemoryError on failure."""


@dataclass(frozen=True, slots=True)
class OpenDevice:
    """Opens the device."""

    def on(self, programs: ServedPrograms) -> None:
        programs.open_device()


@dataclass(frozen=True, slots=True)
class Load:
    """Loads a program under a name."""

    key: str
    source: ProgramSource

    def on(self, programs: ServedPrograms) -> None:
        programs.load(self.key, self.source)


@dataclass(frozen=True, slots=True)
class Unload:
    """Forgets a program; unknown names are no error."""

    key: str

    def on(self, programs: ServedPrograms) -> None:
        programs.unload(self.key)


@dataclass(frozen=True, slots=True)
class Renew:
    """Loads every program again, elsewhere in memory. Returns the seconds that it took."""

    def on(self, programs: ServedPrograms) -> float:
        return programs.renew()


@dataclass(frozen=True, slots=True)
class Fill:
    """Gives a program the data of a seed."""

    key: str
    seed: int

    def on(self, programs: ServedPrograms) -> None:
        programs.fill(self.key, self.seed)


@dataclass(frozen=True, slots=True)
class Reference:
    """Runs a program once and keeps its outputs for comparison. Returns the seconds of the run."""

    key: str
    seed: int

    def on(self, programs: ServedPrograms) -> float:
        return programs.reference(self.key, self.seed)


@dataclass(frozen=True, slots=True)
class Check:
    """Runs a program once and compares its outputs with the reference's. Returns the seconds of the run too."""

    key: str
    seed: int
    tolerances: tuple[Tolerance, ...]

    def on(self, programs: ServedPrograms) -> tuple[Verification, float]:
        return programs.check(self.key, self.seed, self.tolerances)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Runs a program `runs` times on the same data and compares the outputs of each run.

    The first run is compared with the reference. The others are too if their outputs differ from the first run's,
    unless `exactly`: then no bit may differ.
    """

    key: str
    seed: int
    runs: int
    tolerances: tuple[Tolerance, ...]
    exactly: bool

    def on(self, programs: ServedPrograms) -> Repeated:
        return programs.repeat(self.key, self.seed, self.runs, self.tolerances, exactly=self.exactly)


@dataclass(frozen=True, slots=True)
class FindRaces:
    """Runs each program once under compute-sanitizer, for `limit_s` seconds in all at most."""

    keys: tuple[str, ...]
    limit_s: float

    def on(self, programs: ServedPrograms) -> list[RaceCheck]:
        return programs.find_races(self.keys, self.limit_s)


@dataclass(frozen=True, slots=True)
class Sense:
    """Finds what moves of a program's inputs by up to `step` of their values do to each of its outputs."""

    key: str
    seed: int
    step: float

    def on(self, programs: ServedPrograms) -> tuple[Sensitivity, ...]:
        return programs.sensitivity(self.key, self.seed, self.step)


@dataclass(frozen=True, slots=True)
class Time:
    """Times `times` runs in a row, between guard pages if `is_guarded`. Returns the seconds of one run."""

    key: str
    times: int
    is_guarded: bool = False

    def on(self, programs: ServedPrograms) -> float:
        return (programs.time_guarded if self.is_guarded else programs.time)(self.key, self.times)

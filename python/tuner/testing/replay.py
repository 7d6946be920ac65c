# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A transport that runs no program: it answers a runner's calls from what is known of each program.

replay = Replay(lambda source: Behaviour(time_s=2e-3))
with Runner(DEVICE, transport=replay) as runner:
    runner.load("mine", source)
    assert runner.time("mine", 1, timeout_s=1.0) == 2e-3
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

import numpy as np

from tuner.errors import MeasurementError
from tuner.facts import BinaryFacts
from tuner.measuring.calls import (
    Call,
    Check,
    Fill,
    FindRaces,
    Load,
    OpenDevice,
    Reference,
    Renew,
    Repeat,
    Sense,
    Time,
    Unload,
)
from tuner.measuring.correctness import Sensitivity, Verification
from tuner.measuring.programs import ProgramSource
from tuner.measuring.racecheck import NO_RACES, RaceCheck
from tuner.measuring.repeating import Repeated
from tuner.measuring.transport import ProgramCrashedError, ProgramTimedOutError
from tuner.targets import Device

T = TypeVar("T")

# A device that is nowhere: times are those of a process's clock, and nothing is compiled when it is loaded.
DEVICE = Device("replay", (), "cpu", "a recording")
# Outputs of f32 numbers about 1, which moved inputs change by a millionth.
_SENSITIVITY = Sensitivity("float32", 1e-6, 1e-6, 1.0, 1.0, 1.0, 0.0)


class Course(StrEnum):
    """What happens when a program is loaded or run."""

    RIGHT = "right"
    WRONG = "wrong"
    CRASH = "crash"
    HANG = "hang"
    NOT_LOADABLE = "not loadable"


@dataclass(frozen=True, slots=True)
class Slip:
    """A fault that does not always show: on the data of `seed` (None: any), and in the run `run` on it, from 1."""

    seed: int | None = None
    run: int = 1

    def shows(self, seed: int, runs: int) -> bool:
        """Whether one of the first `runs` runs on the data of `seed` is wrong."""
        return self.seed in (None, seed) and self.run <= runs


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A program as a replay knows it.

    `time_s`: seconds of one run. `guarded_time_s`: the same between guard pages (`time_s` by default). `course`: what
    happens when it is loaded or run. `compile_s`: seconds that it takes to be compiled. `slip`: when it is wrong if its
    course is right. `is_reproducible`: whether runs on the same data give the same bits. `races`: what
    compute-sanitizer finds. `facts`: what its binary says of itself.
    """

    time_s: float = 1e-3
    guarded_time_s: float | None = None
    course: Course = Course.RIGHT
    compile_s: float = 0.0
    slip: Slip | None = None
    is_reproducible: bool = True
    races: RaceCheck = NO_RACES
    facts: BinaryFacts | None = None


@dataclass(frozen=True, slots=True)
class ReplayedProgram:
    """A program without content, for tests that need no file. `name` tells programs apart."""

    name: str

    def load(self, device_uri: str) -> Any:
        """Never called: a replay loads nothing."""
        raise MeasurementError(f"{self.name} is replayed, it cannot be loaded on {device_uri}")


class Clock:
    """A clock that stands still until it is moved, so that what depends on time is the same on every machine."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def move(self, seconds: float) -> None:
        """Lets these seconds pass."""
        self._now_s += seconds


class Replay:
    """A transport (`tuner.measuring.Transport`) that answers from a recording.

    Set `is_lost` to take the device away: every later call fails, in every fresh process.
    """

    def __init__(
        self,
        behaviour_of: Callable[[ProgramSource], Behaviour],
        *,
        noise: float = 0.0,
        seed: int = 0,
        pause_s: float = 0.0,
        outputs: int = 1,
        clock: Clock | None = None,
    ) -> None:
        """`noise`: standard deviation of times, as a fraction of them. `seed`: of the noise. `pause_s`: real seconds
        that each run takes. `outputs`: number of outputs of every program. `clock`: is moved by what programs take,
        and by the pauses, which are no real seconds then."""
        self._behaviour_of = behaviour_of
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._pause_s = pause_s
        self._outputs = outputs
        self._clock = clock
        self._programs: dict[str, Behaviour] = {}
        self._generation = 0
        self._is_closed = False
        self.is_lost = False

    @property
    def generation(self) -> int:
        return self._generation

    def start(self) -> None:
        """Nothing starts."""

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        if self._is_closed:
            raise MeasurementError("the run is ending")
        if self.is_lost:
            raise MeasurementError("the device does not answer")
        return cast(T, self._answer(call, timeout_s))

    def restart(self) -> None:
        self._programs.clear()
        self._generation += 1

    def close(self, *, at_once: bool = False) -> None:
        del at_once
        self._is_closed = True

    def _answer(self, call: Call[Any], timeout_s: float) -> Any:
        match call:
            case OpenDevice() | Fill():
                return None
            case Load(key, source):
                self._load(key, self._behaviour_of(source))
            case Unload(key):
                self._programs.pop(key, None)
            case Renew():
                return 0.0
            case Reference(key):
                return self._run(key, timeout_s).time_s
            case Check(key, seed):
                behaviour = self._run(key, timeout_s)
                return _verification(behaviour, seed), behaviour.time_s
            case Repeat(key, seed, runs, _, exactly):
                return _repeated(self._run(key, timeout_s, runs), seed, runs, exactly=exactly)
            case FindRaces(keys):
                return [self._run(key, timeout_s).races for key in keys]
            case Sense():
                return (_SENSITIVITY,) * self._outputs
            case Time(key, times, is_guarded):
                behaviour = self._run(key, timeout_s, times)
                time_s = behaviour.guarded_time_s if is_guarded and behaviour.guarded_time_s else behaviour.time_s
                return time_s * (1.0 + self._noise * self._rng.standard_normal())
            case _:
                raise MeasurementError(f"a replay has no answer to {type(call).__name__}")
        return None

    def _load(self, key: str, behaviour: Behaviour) -> None:
        if behaviour.course is Course.NOT_LOADABLE:
            raise MeasurementError("it cannot be loaded")
        self._programs[key] = behaviour

    def _run(self, key: str, timeout_s: float, times: int = 1) -> Behaviour:
        if key not in self._programs:
            raise MeasurementError(f"nothing is loaded as '{key}'; the process that held it has died")
        behaviour = self._programs[key]
        if self._clock is None:
            time.sleep(self._pause_s)
        else:
            self._clock.move(self._pause_s + times * behaviour.time_s)
        if behaviour.course is Course.CRASH:
            self.restart()
            raise ProgramCrashedError("its process died (SIGSEGV)")
        if behaviour.course is Course.HANG:
            self.restart()
            raise ProgramTimedOutError(f"it did not end within {timeout_s:.1f} s")
        return behaviour


def _verification(behaviour: Behaviour, seed: int, runs: int = 1) -> Verification:
    if behaviour.course is Course.WRONG or (behaviour.slip is not None and behaviour.slip.shows(seed, runs)):
        return Verification(False, 1.0, "output 0 differs")
    return Verification(True, 0.0)


def _repeated(behaviour: Behaviour, seed: int, runs: int, *, exactly: bool) -> Repeated:
    verification = _verification(behaviour, seed, runs)
    if not verification.passed:
        return Repeated(verification, 1 if behaviour.slip is None else behaviour.slip.run)
    if exactly and runs > 1 and not behaviour.is_reproducible:
        return Repeated(Verification(False, 0.0, "another result than in run 1"), 2)
    return Repeated(verification, runs)

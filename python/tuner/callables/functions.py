# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of the user as a subject: a point of the space becomes a program that a runner loads, checks and times."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tuner.dispatch import Arithmetic
from tuner.errors import InputError, MeasurementError
from tuner.foreign import reason_of, shown
from tuner.measuring import ProgramSource
from tuner.measuring.dispatch_data import Array, moved
from tuner.outcome import Compilation

T = TypeVar("T")

# Makes of a point of the space what `Run` runs.
Build = Callable[[Mapping[str, int]], Any]
# Runs once what was built, on inputs, and returns its output or outputs, after it has ended.
Run = Callable[..., Any]
# Makes the inputs of a seed: a tuple, equal for equal seeds.
Inputs = Callable[[int], Sequence[Any]]
# Runs what was built on inputs a number of times. Returns the seconds of one run, by a clock of its own.
Timer = Callable[[Any, Sequence[Any], int], float]
# Whether outputs are right: those of the default first, then those of the candidate.
Check = Callable[[Sequence[Array], Sequence[Array]], bool]

# Numbers of f32 without sums.
F32 = Arithmetic(terms=1, accumulator="f32", narrowest="f32")
_ANY_SEED = 1
# Bytes of data that a time limit allows for: the data of functions is unknown.
_ASSUMED_BYTES = 2**30


def no_inputs(seed: int) -> tuple[()]:
    """The inputs of a function that makes its own."""
    del seed
    return ()


@dataclass(frozen=True, slots=True)
class Functions:
    """What a user gives (see `tuner.tune_callable`), as a subject of candidates (`tuner.evaluate.programs.Subject`)."""

    build: Build
    run: Run
    inputs: Inputs
    check: Check | None
    arithmetic: Arithmetic
    timer: Timer | None = None

    @property
    def buffer_bytes(self) -> int:
        """What a time limit allows for."""
        return _ASSUMED_BYTES

    def source(self, compilation: Compilation, *, positive: bool) -> ProgramSource:
        """A candidate, for a runner to load. The inputs are the user's own, so `positive` changes nothing."""
        del positive
        return BuiltProgram(self, dict(compilation.candidate.point))

    def check_sendable(self) -> None:
        """Raises InputError unless another process can load the functions."""
        remedy = "put them into a module, or pass in_process=True"
        try:
            sent = pickle.dumps(self)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(f"another process cannot load these functions ({reason_of(error)}); {remedy}") from error
        if b"__main__" in sent and getattr(sys.modules["__main__"], "__file__", None) is None:
            raise InputError(f"another process cannot load functions of a notebook or a prompt; {remedy}")


@dataclass(frozen=True, slots=True)
class BuiltProgram:
    """A point of the space, to be built where it runs."""

    functions: Functions
    point: Mapping[str, int]

    def load(self, device_uri: str) -> LoadedFunction:
        """Builds it. Raises MeasurementError if that fails."""
        del device_uri
        return LoadedFunction(self.functions, _called("build", lambda: self.functions.build(dict(self.point))))


class LoadedFunction:
    """What was built, in memory (`tuner.measuring.programs.LoadedProgram`). It gets inputs when it first needs them."""

    def __init__(self, functions: Functions, built: Any) -> None:
        self._functions = functions
        self._built = built
        self._inputs: tuple[Any, ...] | None = None
        self._result: Any = None

    def fill(self, seed: int) -> None:
        """Gives it the seed's inputs, and forgets its outputs."""
        self._inputs, self._result = self._made(seed), None

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        """As `fill`, with each array of floats moved at random by up to `step` of its values."""
        made = enumerate(self._made(seed))
        self._result = None
        self._inputs = tuple(
            moved(data, step, np.random.default_rng([seed, index, move + 1])) if isinstance(data, np.ndarray) else data
            for index, data in made
        )

    def run(self, times: int) -> None:
        """Runs it `times` times. Raises MeasurementError if that fails."""
        if self._inputs is None:
            self.fill(_ANY_SEED)
        _called("run", lambda: self._repeat(times))

    def timed(self, times: int) -> float | None:
        """Seconds of one run by the user's own timer; None without one. Raises MeasurementError if that fails."""
        timer = self._functions.timer
        if timer is None:
            return None
        if self._inputs is None:
            self.fill(_ANY_SEED)
        seconds = _called("timer", lambda: timer(self._built, self._inputs or (), times))
        if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            raise MeasurementError(f"timer returned {shown(seconds)}, not seconds of one run")
        return float(seconds)

    def outputs(self) -> list[Array]:
        """Copies of what the last run returned."""
        result = self._result
        several = result if isinstance(result, tuple | list) else (result,)
        arrays = _called("converting what run returned", lambda: [np.array(output) for output in several])
        for output in arrays:
            if output.dtype == object:
                raise MeasurementError(f"run returned {shown(result)}, not arrays or numbers that can be compared")
        return arrays

    def judge(self, reference: Sequence[Array], outputs: Sequence[Array]) -> str | None:
        """What the user's own check says of the outputs; None without one."""
        check = self._functions.check
        if check is None:
            return None
        return "" if _called("check", lambda: check(reference, outputs)) else "its outputs fail the check"

    def _made(self, seed: int) -> tuple[Any, ...]:
        made = _called("inputs", lambda: self._functions.inputs(seed))
        if not isinstance(made, tuple | list):
            raise MeasurementError(f"inputs returned {shown(made)}, not a tuple of inputs")
        return tuple(made)

    def _repeat(self, times: int) -> None:
        run, built, inputs = self._functions.run, self._built, self._inputs or ()
        for _ in range(times):
            self._result = run(built, *inputs)


def _called(name: str, call: Callable[[], T]) -> T:
    """What a function of the user returns. Raises MeasurementError with its name if it raises anything."""
    try:
        return call()
    except Exception as error:
        raise MeasurementError(f"{name} raised {type(error).__name__}: {reason_of(error)}") from error

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The plain model: compiled without a spec, and shown to run."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tuner.dispatch import Arithmetic, Dispatch
from tuner.dispatches.extract import Extracted
from tuner.errors import DeviceLostError, InputError, MeasurementError
from tuner.evaluate.budget import Budget
from tuner.measuring import FunctionProgram, Runner, Tolerance
from tuner.measuring.correctness import TOLD_UNCOMPARED, Sensitivity, dtype_named, epsilon_of, is_float, step_of
from tuner.measuring.transport import ProgramCrashedError
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.targets import Allocator
from tuner.tuning.reserve import ModelCosts

# The seed of the inputs that whole models are compared on, and the seconds that the first run may take.
MODEL_SEED = 4
_FIRST_TIMEOUT_S = 600.0
_PLAIN = "plain model"
# How many times longer than the plain model a run, and a compilation, may take before it is taken for hanging; and the
# seconds that a busy machine adds.
_HANGS_FACTOR, _COMPILER_HANGS_FACTOR, _BUSY_S = 20.0, 7.0, 10.0
# The arithmetic that is assumed of a dispatch that cannot be run alone, and so was not read.
_UNREAD = Arithmetic(terms=1024, accumulator="f32", narrowest="f32")
# Runs of a whole model whose process dies: it may have been killed from outside.
_ATTEMPTS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainModel:
    """A model compiled plainly: its binary and entry, and the time that it takes.

    `run_s`: seconds of a first run by the device's clock. `tolerances`: for each output, how far that of another
    compilation may be from it. `notes`: what cannot be compared. `right`: another compilation, whose outputs others are
    compared with, since the plain model's are wrong (`tuner.tuning.arbitration`).
    """

    model: Model
    program: FunctionProgram
    costs: ModelCosts
    run_s: float
    tolerances: tuple[Tolerance, ...] = (Tolerance(),)
    notes: tuple[str, ...] = ()
    right: FunctionProgram | None = None

    def program_of(self, binary: Path) -> FunctionProgram:
        """Another compilation of the model, run in the same way."""
        return replace(self.program, binary=binary)

    def compiled_with(self, flags: Sequence[str], binary: Path, speedup: float) -> PlainModel:
        """The same, compiled with further flags, for others to be compared with. `speedup`: by these flags."""
        costs = replace(self.costs, run_s=self.costs.run_s / speedup)
        return replace(
            self,
            model=self.model.with_flags(*flags),
            program=self.program_of(binary),
            costs=costs,
            run_s=self.run_s / speedup,
        )

    @property
    def timeout_s(self) -> float:
        """Seconds after which this or another compilation is taken for hanging while it is loaded or runs."""
        return _BUSY_S + _HANGS_FACTOR * self.costs.load_s

    def with_allocator(self, allocator: Allocator) -> PlainModel:
        """The same, run with this allocator. One that keeps memory takes a run more before it is timed."""
        if allocator == self.program.allocator:
            return self
        costs = replace(self.costs, load_s=self.costs.load_s + self.costs.run_s)
        return replace(self, program=replace(self.program, allocator=allocator), costs=costs)

    def timeout_within_s(self, budget: Budget) -> float:
        """As `timeout_s`, but no longer than the budget has left, if a slow compilation can run in that time."""
        return min(self.timeout_s, max(budget.left_s, _HANGS_FACTOR * self.costs.load_s))


def prepare_model(
    model: Model,
    extracted: Extracted,
    wanted: str,
    folder: RunFolder,
    runner: Runner,
    *,
    only_late: bool = False,
    allocator: Allocator = "default",
) -> PlainModel:
    """Compiles the model plainly and runs it, so that a model on which nothing can be proved is refused at once.

    `wanted` names the function; it may be empty if there is one. `only_late`: the spec will have late entries alone.
    Raises InputError, or DeviceLostError if the device cannot be opened.
    """
    functions = extracted.functions
    if wanted and wanted not in functions:
        raise InputError(f"{model.source} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.source} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0], allocator)
    compile_s, unthreaded_s = _compile(model, program.binary)
    model = replace(model, timeout_s=_compile_timeout_s(unthreaded_s))
    step = _step(extracted.dispatches)
    _open_device(runner)
    try:
        run_s, found, load_s, again_s = again_if_killed(lambda: _first_runs(program, step, runner))
        runner.unload(_PLAIN)
    except MeasurementError as error:
        _open_device(runner)
        raise InputError(f"{model.source} compiles but cannot be run to prove a spec on it: {error}") from error
    unfinite = [output.unfinite for output in found if is_float(dtype_named(output.dtype))]
    if unfinite and min(unfinite) == 1.0:
        raise InputError(
            f"{model.source} gives only NaN or infinity on random inputs in [-1, 1), so no result could be checked;"
            " give a model that computes numbers on such inputs"
        )
    notes = tuple(
        f"{output.unfinite:.1%} of output {index} is NaN or infinite on random inputs, and is compared by place alone"
        for index, output in enumerate(found)
        if output.unfinite > TOLD_UNCOMPARED
    )
    costs = ModelCosts(compile_s, unthreaded_s, load_s, again_s, only_late)
    return PlainModel(model, program, costs, run_s, tuple(Tolerance.of(output, step) for output in found), notes)


def _compile(model: Model, binary: Path) -> tuple[float, float]:
    """Seconds that compiling the model takes, and would take without threads, which is all of its processor time."""
    started, before_s = time.perf_counter(), _processor_s()
    model.compile_or_reject(binary)
    compile_s = time.perf_counter() - started
    return compile_s, max(compile_s, _processor_s() - before_s)


def _processor_s() -> float:
    """Processor seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compile_timeout_s(unthreaded_s: float) -> float:
    """Seconds after which a compilation is taken for hanging. With a spec the compiler uses no threads."""
    return _BUSY_S + _COMPILER_HANGS_FACTOR * unthreaded_s


def _open_device(runner: Runner) -> None:
    try:
        again_if_killed(runner.open_device)
    except MeasurementError as error:
        raise DeviceLostError(
            f"the device {runner.device.name} cannot be opened: {error}; see to it (iree-tune doctor) and start again"
        ) from error


def _step(dispatches: Sequence[Dispatch]) -> float:
    """The largest relative effect of rounding in the model: in a dispatch, or between two that others may fuse."""
    programs = [dispatch.program for dispatch in dispatches if dispatch.program]
    within = [step_of(dispatch.program.arithmetic if dispatch.program else _UNREAD) for dispatch in dispatches]
    between = [epsilon_of(region.element_type) for program in programs for region in program.regions]
    return max((*within, *between), default=0.0)


def _first_runs(
    program: FunctionProgram, step: float, runner: Runner
) -> tuple[float, tuple[Sensitivity, ...], float, float]:
    """Seconds of a run, the sensitivity of its outputs to moved inputs, wall seconds of loading and of another run."""
    # The device is opened first: the time of that does not count.
    runner.open_device()
    started = time.perf_counter()
    runner.load(_PLAIN, program)
    run_s = runner.reference(_PLAIN, MODEL_SEED, timeout_s=_FIRST_TIMEOUT_S)
    loaded = time.perf_counter()
    runner.time(_PLAIN, 1, timeout_s=_FIRST_TIMEOUT_S)
    again_s = time.perf_counter() - loaded
    found = runner.sensitivity(_PLAIN, MODEL_SEED, step, timeout_s=_FIRST_TIMEOUT_S)
    return run_s, found, loaded - started, again_s


def again_if_killed(action: Callable[[], T]) -> T:
    """Repeats an action once if its process dies. `action` itself must load the programs."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(ProgramCrashedError):
            return action()
    return action()

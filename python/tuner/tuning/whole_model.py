# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model as a user has it today: compiled without a spec, shown to run. What everything is compared with."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from tuner.dispatch import Arithmetic, Dispatch
from tuner.dispatches.extract import Extracted
from tuner.errors import DeviceLostError, InputError, MeasurementError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.measuring import FunctionProgram, Runner, Tolerance
from tuner.measuring.correctness import TOLD_UNCOMPARED, Sensitivity, dtype_named, epsilon_of, is_float, step_of
from tuner.measuring.runner import lost
from tuner.measuring.sampling import UNDECIDED_S, Paired, paired_rounds
from tuner.measuring.transport import ATTEMPTS, ProgramCrashedError
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.speedup import is_decided, speedup
from tuner.tuning.reserve import ModelCosts
from tuner.tuning.result import ModelResult

# The seed of the inputs that whole models are compared on, and how long the first run may take.
MODEL_SEED = 4
_FIRST_TIMEOUT_S = 600.0
_PLAIN, _BASELINE, _TUNED = "plain model", "model to be faster than", "tuned model"
# What takes so many times longer than for the plain model is taken for hanging, beside what a busy machine adds.
_HANGS_FACTOR, _COMPILER_HANGS_FACTOR, _BUSY_S = 20.0, 7.0, 10.0
# What is assumed of a dispatch that cannot be run alone, and so was not read.
_UNREAD = Arithmetic(terms=1024, accumulator="f32", narrowest="f32")
# A process that dies while a whole model runs may have been killed from outside.
_ATTEMPTS = 2
# So often are programs loaded: where they and their data come to lie moves a comparison (docs/models.md).
_LOADS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainModel:
    """A model compiled plainly: its binary and entry, and what it costs.

    `run_s`: seconds of a first run by the device's clock. `tolerances` say for each output how far another compilation
    may be from it, `notes` what cannot be compared.
    """

    model: Model
    program: FunctionProgram
    costs: ModelCosts
    run_s: float
    tolerances: tuple[Tolerance, ...] = (Tolerance(),)
    notes: tuple[str, ...] = ()

    @property
    def timeout_s(self) -> float:
        """Seconds after which this or another compilation that is loaded or runs is taken for hanging."""
        return _BUSY_S + _HANGS_FACTOR * self.costs.load_s

    def timeout_within_s(self, budget: Budget) -> float:
        """As `timeout_s`, but no longer than the budget has left, if that is enough for one that is slow."""
        return min(self.timeout_s, max(budget.left_s, _HANGS_FACTOR * self.costs.load_s))


def prepare_model(
    model: Model, extracted: Extracted, wanted: str, folder: RunFolder, runner: Runner, *, only_late: bool = False
) -> PlainModel:
    """Compiles the model plainly and runs it, so that a model that cannot be proved is refused before the work.

    `wanted` names the entry; it may be empty if there is one function. `only_late`: its entries will be late ones.
    Raises InputError, or DeviceLostError if there is no process that could run anything.
    """
    functions = extracted.functions
    if wanted and wanted not in functions:
        raise InputError(f"{model.source} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.source} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0])
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
    unfinite = [each.unfinite for each in found if is_float(dtype_named(each.dtype))]
    if unfinite and min(unfinite) == 1.0:
        raise InputError(
            f"{model.source} gives only NaN or infinity on random inputs in [-1, 1), so no result could be checked;"
            " give a model that computes numbers on such inputs"
        )
    notes = tuple(
        f"{each.unfinite:.1%} of output {index} is NaN or infinite on random inputs, and is compared by place alone"
        for index, each in enumerate(found)
        if each.unfinite > TOLD_UNCOMPARED
    )
    costs = ModelCosts(compile_s, unthreaded_s, load_s, again_s, only_late)
    return PlainModel(model, program, costs, run_s, tuple(Tolerance.of(each, step) for each in found), notes)


def _compile(model: Model, binary: Path) -> tuple[float, float]:
    """The seconds that compiling the model takes, and what it would take without threads: all of its processor time."""
    started, before_s = time.perf_counter(), _processor_s()
    model.compile_or_reject(binary)
    compile_s = time.perf_counter() - started
    return compile_s, max(compile_s, _processor_s() - before_s)


def _processor_s() -> float:
    """The processor time of all processes that this one started and that have ended."""
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
    """What rounding does to a number somewhere in the model: in a dispatch, or between two that others may fuse."""
    programs = [each.program for each in dispatches if each.program]
    within = [step_of(each.program.arithmetic if each.program else _UNREAD) for each in dispatches]
    between = [epsilon_of(region.element_type) for program in programs for region in program.regions]
    return max((*within, *between), default=0.0)


def _first_runs(
    program: FunctionProgram, step: float, runner: Runner
) -> tuple[float, tuple[Sensitivity, ...], float, float]:
    """The seconds of a run, how its outputs answer to moved inputs; by the wall what loading and another run take."""
    # What only the first load needs does not count.
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
    """Does it once more if the process dies that runs it. Programs must be loaded by `action` itself."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(ProgramCrashedError):
            return action()
    return action()


def load_plain(plain: PlainModel, key: str, runner: Runner) -> None:
    """Loads the plain model and keeps its outputs to compare with, in a fresh process if it fails.

    Raises DeviceLostError if it fails in several.
    """
    failure: MeasurementError | None = None
    for _ in range(ATTEMPTS):
        try:
            runner.load(key, plain.program)
            runner.reference(key, MODEL_SEED, timeout_s=plain.timeout_s)
            return
        except MeasurementError as error:
            runner.restart()
            failure = error
    raise lost(runner.device, failure) from failure


def compare_models(
    plain: PlainModel,
    baseline: FunctionProgram,
    binary: Path,
    runner: Runner,
    rng: np.random.Generator,
    budget: Budget | None = None,
) -> ModelResult:
    """Runs a compilation of the model: its outputs against the plain model's, then its times against the baseline's.

    While it seems slower, both are loaded anew, to come to lie elsewhere, and compared again; all rounds count. Once
    the `budget` ends no round follows the fewest that there must be, and nothing is loaded anew.
    Raises WrongOutputError if it computes something else, MeasurementError if it does not run.
    """
    budget = budget or Budget()
    baseline_s: tuple[float, ...] = ()
    candidate_s: tuple[float, ...] = ()
    for _ in range(_LOADS):
        started_with_s = budget.left_s
        result = again_if_killed(lambda: _compare(plain, baseline, binary, runner, rng, budget))
        baseline_s += result.paired.baseline_s
        candidate_s += result.paired.candidate_s
        ratio = speedup(baseline_s, candidate_s)
        if ratio.high >= 1.0 or (budget.is_limited and budget.left_s < started_with_s - budget.left_s):
            break
    return replace(result, paired=Paired(baseline_s, candidate_s), ratio=ratio)


def _compare(
    plain: PlainModel,
    baseline: FunctionProgram,
    binary: Path,
    runner: Runner,
    rng: np.random.Generator,
    budget: Budget,
) -> ModelResult:
    timeout_s = plain.timeout_within_s(budget)
    load_plain(plain, _PLAIN, runner)
    faster_than = _PLAIN
    if baseline != plain.program:
        runner.unload(_PLAIN)
        faster_than = _BASELINE
        runner.load(_BASELINE, baseline)
        runner.fill(_BASELINE, MODEL_SEED, timeout_s=timeout_s)
    runner.load(_TUNED, replace(baseline, binary=binary))
    verification, _ = runner.check(_TUNED, MODEL_SEED, plain.tolerances, timeout_s=timeout_s)
    if not verification.passed:
        raise WrongOutputError(f"the model computes something else with it: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(
        runner,
        faster_than,
        _TUNED,
        rng=rng,
        decided=decided,
        timeout_s=timeout_s,
        budget_s=min(UNDECIDED_S, budget.left_s),
    )
    for key in (faster_than, _TUNED):
        runner.unload(key)
    ratio = speedup(paired.baseline_s, paired.candidate_s)
    return ModelResult(paired, ratio, verification, seeds=(MODEL_SEED,))

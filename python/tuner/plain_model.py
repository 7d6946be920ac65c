# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model as a user has it today: compiled without a spec, shown to run. What everything is compared with."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from tuner.deciding import is_decided, speedup
from tuner.dispatch import Arithmetic, Dispatch
from tuner.errors import DeviceLostError, InputError, MeasurementError, WrongOutputError
from tuner.extracting import Extracted
from tuner.measuring import FunctionProgram, Runner, Tolerance
from tuner.measuring.correctness import TOLD_UNCOMPARED, Sensitivity, dtype_named, is_float, step_of
from tuner.measuring.runner import ATTEMPTS, ProgramCrashedError, lost
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.model import Model
from tuner.result import ModelResult
from tuner.run_folder import RunFolder

# The seed of the inputs that whole models are compared on, and how long the first run may take.
MODEL_SEED = 4
_FIRST_TIMEOUT_S = 600.0
_PLAIN, _BASELINE, _TUNED = "plain model", "model to be faster than", "tuned model"
# What takes so many times longer than for the plain model is taken for hanging, beside what a busy machine adds.
_HANGS_FACTOR, _COMPILER_HANGS_FACTOR, _BUSY_S = 20.0, 5.0, 10.0
# So many threads of the compiler are taken to work at a time, at most.
_MOST_THREADS = 16
# What is assumed of a dispatch that cannot be run alone, and so was not read.
_UNREAD = Arithmetic(terms=1024, accumulator="f32", narrowest="f32")
# A process that dies while a whole model runs may have been killed from outside.
_ATTEMPTS = 2
# So often are programs loaded: where they and their data come to lie moves a comparison (docs/models.md).
_LOADS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainModel:
    """A model compiled plainly: its binary and entry, and the seconds that compiling it and a first run took.

    `first_s`: loading it and making its data are counted too. `tolerances` say for each output how far another
    compilation's may be from it, `notes` what cannot be compared.
    """

    model: Model
    program: FunctionProgram
    compile_s: float
    run_s: float
    first_s: float
    tolerances: tuple[Tolerance, ...] = (Tolerance(),)
    notes: tuple[str, ...] = ()

    @property
    def timeout_s(self) -> float:
        """Seconds after which this or another compilation that is loaded or runs is taken for hanging."""
        return _BUSY_S + _HANGS_FACTOR * self.first_s


def prepare_model(model: Model, extracted: Extracted, wanted: str, folder: RunFolder, runner: Runner) -> PlainModel:
    """Compiles the model plainly and runs it, so that a model that cannot be proved is refused before the work.

    `wanted` names the entry; it may be empty if there is one function. Raises InputError, or DeviceLostError if there
    is no process that could run anything.
    """
    functions = extracted.functions
    if wanted and wanted not in functions:
        raise InputError(f"{model.source} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.source} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0])
    started = time.perf_counter()
    model.compile_or_reject(program.binary)
    compile_s = time.perf_counter() - started
    model = replace(model, timeout_s=_compile_timeout_s(compile_s))
    step = _step(extracted.dispatches)
    _open_device(runner)
    try:
        run_s, first_s, found = again_if_killed(lambda: _first_runs(program, step, runner))
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
    tolerances = tuple(Tolerance.of(each, step) for each in found)
    return PlainModel(model, program, compile_s, run_s, first_s, tolerances, notes)


def _compile_timeout_s(compile_s: float) -> float:
    """Seconds after which a compilation is taken for hanging: with a spec the compiler uses no threads."""
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    return _BUSY_S + (_COMPILER_HANGS_FACTOR + threads) * compile_s


def _open_device(runner: Runner) -> None:
    try:
        again_if_killed(runner.open_device)
    except MeasurementError as error:
        raise DeviceLostError(
            f"the device {runner.device.name} cannot be opened: {error}; see to it (iree-tune doctor) and start again"
        ) from error


def _step(dispatches: Sequence[Dispatch]) -> float:
    """What rounding does to a number somewhere in the model."""
    return max((step_of(each.program.arithmetic if each.program else _UNREAD) for each in dispatches), default=0.0)


def _first_runs(program: FunctionProgram, step: float, runner: Runner) -> tuple[float, float, tuple[Sensitivity, ...]]:
    """The seconds of a run, those until it had ended, and how its outputs answer to moved inputs."""
    started = time.perf_counter()
    runner.load(_PLAIN, program)
    run_s = runner.reference(_PLAIN, MODEL_SEED, timeout_s=_FIRST_TIMEOUT_S)
    first_s = time.perf_counter() - started
    return run_s, first_s, runner.sensitivity(_PLAIN, MODEL_SEED, step, timeout_s=_FIRST_TIMEOUT_S)


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
    plain: PlainModel, baseline: FunctionProgram, binary: Path, runner: Runner, rng: np.random.Generator
) -> ModelResult:
    """Runs a compilation of the model: its outputs against the plain model's, then its times against the baseline's.

    While it seems slower, both are loaded anew, to come to lie elsewhere, and compared again; all rounds count.
    Raises WrongOutputError if it computes something else, MeasurementError if it does not run.
    """
    baseline_s: tuple[float, ...] = ()
    candidate_s: tuple[float, ...] = ()
    for _ in range(_LOADS):
        result = again_if_killed(lambda: _compare(plain, baseline, binary, runner, rng))
        baseline_s += result.paired.baseline_s
        candidate_s += result.paired.candidate_s
        ratio = speedup(baseline_s, candidate_s)
        if ratio.high >= 1.0:
            break
    return replace(result, paired=Paired(baseline_s, candidate_s), ratio=ratio)


def _compare(
    plain: PlainModel, baseline: FunctionProgram, binary: Path, runner: Runner, rng: np.random.Generator
) -> ModelResult:
    load_plain(plain, _PLAIN, runner)
    faster_than = _PLAIN
    if baseline != plain.program:
        runner.unload(_PLAIN)
        faster_than = _BASELINE
        runner.load(_BASELINE, baseline)
        runner.fill(_BASELINE, MODEL_SEED, timeout_s=plain.timeout_s)
    runner.load(_TUNED, replace(baseline, binary=binary))
    verification, _ = runner.check(_TUNED, MODEL_SEED, plain.tolerances, timeout_s=plain.timeout_s)
    if not verification.passed:
        raise WrongOutputError(f"the model computes something else with it: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(runner, faster_than, _TUNED, rng=rng, decided=decided, timeout_s=plain.timeout_s)
    for key in (faster_than, _TUNED):
        runner.unload(key)
    ratio = speedup(paired.baseline_s, paired.candidate_s)
    return ModelResult(paired, ratio, verification, seeds=(MODEL_SEED,))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model as a user has it today: compiled without a spec, shown to run. What everything is compared with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.deciding import is_decided, speedup
from tuner.errors import InputError, MeasurementError, WrongOutputError
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.runner import ProgramCrashedError
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.model import Model
from tuner.result import ModelResult
from tuner.run_folder import RunFolder

# The seed of the inputs that whole models are compared on, and how long one run may take.
MODEL_SEED = 4
MODEL_TIMEOUT_S = 600.0
_PLAIN, _TUNED = "plain model", "tuned model"
# A process that dies while a whole model runs may have been killed from outside.
_ATTEMPTS = 2
# So often are programs loaded: where they and their data come to lie moves a comparison (docs/models.md).
_LOADS = 3


@dataclass(frozen=True, slots=True)
class PlainModel:
    """A model compiled plainly: its binary and entry, and the seconds that compiling it and a first run took."""

    model: Model
    program: FunctionProgram
    compile_s: float
    run_s: float


def prepare_model(model: Model, functions: Sequence[str], wanted: str, folder: RunFolder, runner: Runner) -> PlainModel:
    """Compiles the model plainly and runs it once, so that a model that cannot be proved is refused before the work.

    `wanted` names the entry among `functions`; it may be empty where there is one. Raises InputError.
    """
    if wanted and wanted not in functions:
        raise InputError(f"{model.source} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.source} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0])
    started = time.perf_counter()
    model.compile_or_reject(program.binary)
    compile_s = time.perf_counter() - started
    try:
        run_s = _first_run(program, runner)
        runner.unload(_PLAIN)
    except MeasurementError as error:
        raise InputError(f"{model.source} compiles but cannot be run to prove a spec on it: {error}") from error
    return PlainModel(model, program, compile_s, run_s)


def _first_run(program: FunctionProgram, runner: Runner) -> float:
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(ProgramCrashedError):
            runner.load(_PLAIN, program)
            return runner.reference(_PLAIN, MODEL_SEED, timeout_s=MODEL_TIMEOUT_S)
    runner.load(_PLAIN, program)
    return runner.reference(_PLAIN, MODEL_SEED, timeout_s=MODEL_TIMEOUT_S)


def compare_models(baseline: FunctionProgram, binary: Path, runner: Runner, rng: np.random.Generator) -> ModelResult:
    """Runs two compilations of the model on the same inputs: outputs, then interleaved times.

    While the second seems slower, both are loaded anew, to come to lie elsewhere, and compared again; all rounds count.
    Raises WrongOutputError where the second computes something else, MeasurementError where it does not run.
    """
    baseline_s: tuple[float, ...] = ()
    candidate_s: tuple[float, ...] = ()
    for _ in range(_LOADS):
        result = _compare_again_if_killed(baseline, binary, runner, rng)
        baseline_s += result.paired.baseline_s
        candidate_s += result.paired.candidate_s
        ratio = speedup(baseline_s, candidate_s)
        if ratio.high >= 1.0:
            break
    return replace(result, paired=Paired(baseline_s, candidate_s), ratio=ratio)


def _compare_again_if_killed(
    baseline: FunctionProgram, binary: Path, runner: Runner, rng: np.random.Generator
) -> ModelResult:
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(ProgramCrashedError):
            return _compare(baseline, binary, runner, rng)
    return _compare(baseline, binary, runner, rng)


def _compare(baseline: FunctionProgram, binary: Path, runner: Runner, rng: np.random.Generator) -> ModelResult:
    runner.load(_PLAIN, baseline)
    runner.load(_TUNED, replace(baseline, binary=binary))
    runner.reference(_PLAIN, MODEL_SEED, timeout_s=MODEL_TIMEOUT_S)
    verification, _ = runner.check(_TUNED, MODEL_SEED, None, timeout_s=MODEL_TIMEOUT_S)
    if not verification.passed:
        raise WrongOutputError(f"the model computes something else with it: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(runner, _PLAIN, _TUNED, rng=rng, decided=decided, timeout_s=MODEL_TIMEOUT_S)
    ratio = speedup(paired.baseline_s, paired.candidate_s)
    return ModelResult(paired, ratio, verification, seeds=(MODEL_SEED,))

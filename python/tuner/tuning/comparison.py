# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares compilations of a model: each one's outputs with the plain model's, and two of them by their times."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from tuner.errors import MeasurementError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.measuring import FunctionProgram, Runner, Verification
from tuner.measuring.runner import lost
from tuner.measuring.sampling import UNDECIDED_S, Paired, paired_rounds
from tuner.measuring.transport import ATTEMPTS
from tuner.speedup import is_decided, speedup
from tuner.tuning.result import ModelResult
from tuner.tuning.whole_model import MODEL_SEED, PlainModel, again_if_killed

_PLAIN, _BASELINE, _TUNED = "plain model", "model to be faster than", "tuned model"
_RIGHT = "model with right outputs"
# Loads of the programs of a comparison: the place of code and data in memory moves it (docs/models.md).
_LOADS = 3


def load_plain(plain: PlainModel, key: str, runner: Runner) -> None:
    """Loads the plain model and keeps its outputs, or the right ones, as the reference; in a fresh process if it fails.

    Raises DeviceLostError if it fails in several processes.
    """
    failure: MeasurementError | None = None
    for _ in range(ATTEMPTS):
        try:
            runner.load(key, plain.program)
            runner.reference(key, MODEL_SEED, timeout_s=plain.timeout_s)
            if plain.right is not None:
                runner.load(_RIGHT, plain.right)
                runner.reference(_RIGHT, MODEL_SEED, timeout_s=plain.timeout_s)
                runner.unload(_RIGHT)
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

    While it seems slower, both are loaded again, into another place in memory, and compared again; all rounds count.
    After the end of the `budget` there are no more rounds than the minimum, and nothing is loaded again.
    Raises WrongOutputError if the outputs differ, MeasurementError if it does not run.
    """
    budget = budget or Budget()
    baseline_s: tuple[float, ...] = ()
    candidate_s: tuple[float, ...] = ()
    for _ in range(_LOADS):
        started_with_s = budget.left_s
        result = again_if_killed(
            lambda: compare_programs(
                plain,
                baseline,
                replace(baseline, binary=binary),
                runner,
                rng,
                timeout_s=plain.timeout_within_s(budget),
                budget_s=budget.left_s,
            )
        )
        baseline_s += result.paired.baseline_s
        candidate_s += result.paired.candidate_s
        ratio = speedup(baseline_s, candidate_s)
        if ratio.high >= 1.0 or (budget.is_limited and budget.left_s < started_with_s - budget.left_s):
            break
    return replace(result, paired=Paired(baseline_s, candidate_s), ratio=ratio)


def compare_programs(
    plain: PlainModel,
    baseline: FunctionProgram,
    candidate: FunctionProgram,
    runner: Runner,
    rng: np.random.Generator,
    *,
    timeout_s: float,
    budget_s: float,
) -> ModelResult:
    """As `compare_models`, for two programs of the model, each loaded once. No round starts after `budget_s`."""
    load_plain(plain, _PLAIN, runner)
    faster_than = _PLAIN
    if baseline != plain.program:
        runner.unload(_PLAIN)
        faster_than = _BASELINE
        load_filled(_BASELINE, baseline, runner, timeout_s)
    verification, _ = load_checked(plain, _TUNED, candidate, runner, timeout_s)
    paired = rounds(runner, faster_than, _TUNED, rng, min_gain=0.0, timeout_s=timeout_s, budget_s=budget_s)
    for key in (faster_than, _TUNED):
        runner.unload(key)
    return ModelResult(paired, speedup(paired.baseline_s, paired.candidate_s), verification, seeds=(MODEL_SEED,))


def load_filled(key: str, program: FunctionProgram, runner: Runner, timeout_s: float) -> None:
    """Loads a program of the model with the data that all are compared on. Raises MeasurementError."""
    runner.load(key, program)
    runner.fill(key, MODEL_SEED, timeout_s=timeout_s)


def load_checked(
    plain: PlainModel, key: str, program: FunctionProgram, runner: Runner, timeout_s: float
) -> tuple[Verification, float]:
    """Loads a program of the model, and compares its outputs with the plain model's; also the seconds of that run.

    Raises WrongOutputError if they differ, MeasurementError if it does not run.
    """
    runner.load(key, program)
    verification, first_s = runner.check(key, MODEL_SEED, plain.tolerances, timeout_s=timeout_s)
    if not verification.passed:
        raise WrongOutputError(f"the model computes something else with it: {verification.detail}")
    return verification, first_s


def rounds(
    runner: Runner,
    baseline: str,
    candidate: str,
    rng: np.random.Generator,
    *,
    min_gain: float,
    timeout_s: float,
    budget_s: float,
) -> Paired:
    """Rounds of two loaded programs, until it is decided whether one gains `min_gain` over the other."""
    return paired_rounds(
        runner,
        baseline,
        candidate,
        rng=rng,
        decided=lambda paired: is_decided(speedup(paired.baseline_s, paired.candidate_s), min_gain),
        timeout_s=timeout_s,
        budget_s=min(UNDECIDED_S, budget_s),
    )


def unload(runner: Runner, *keys: str) -> None:
    """Unloads what is loaded of these, as far as the measuring process answers."""
    for key in keys:
        with contextlib.suppress(MeasurementError):
            runner.unload(key)

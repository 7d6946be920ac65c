# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chooses the allocator of the whole model: the untuned model with the default one against itself with another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuner.errors import MeasurementError, WrongOutputError
from tuner.events import Note, PhaseStarted
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.speedup import Ratio, is_decided, is_faster, speedup
from tuner.tuning.whole_model import MODEL_SEED, PlainModel, again_if_killed, load_plain
from tuner.tuning.workbench import Workbench

_PLAIN, _CACHING = "untuned model", "untuned model with the caching allocator"
# Seconds after which an undecided comparison stops, and the part of a budget that it may take.
_UNDECIDED_S, _PART = 5.0, 0.05


def compare_allocators(bench: Workbench, plain: PlainModel) -> AllocatorChoice:
    """The caching allocator if the untuned model is faster with it beyond noise, or what the options say.

    The untuned model must run with the default allocator. Where the other one does not work the default stays.
    """
    wanted = bench.options.allocator
    if wanted != "auto":
        return AllocatorChoice(wanted)
    if plain.costs.comparison_s() > _PART * bench.budget.left_s:
        return UNCHOSEN
    bench.listen(PhaseStarted("untuned model, caching allocator against the default one"))
    try:
        ratio = again_if_killed(lambda: _ratio(bench, plain))
    except WrongOutputError as error:
        return _kept(bench, str(error))
    except MeasurementError as error:
        bench.runner.check_device()
        return _kept(bench, str(error))
    if not is_faster(ratio, 0.0):
        bench.listen(Note(f"The default allocator stays: the untuned model is {ratio} as fast with the caching one"))
        return AllocatorChoice("default", ratio)
    choice = AllocatorChoice("caching", ratio)
    bench.listen(Note(choice.advice))
    return choice


def _kept(bench: Workbench, reason: str) -> AllocatorChoice:
    bench.listen(Note(f"The default allocator stays: the untuned model does not run with the caching one ({reason})"))
    return UNCHOSEN


def _ratio(bench: Workbench, plain: PlainModel) -> Ratio:
    """The speed-up of the untuned model by the caching allocator. Raises MeasurementError."""
    runner = bench.runner
    load_plain(plain, _PLAIN, runner)
    runner.load(_CACHING, replace(plain.program, allocator="caching"))
    verification, _ = runner.check(_CACHING, MODEL_SEED, plain.tolerances, timeout_s=plain.timeout_s)
    if not verification.passed:
        raise WrongOutputError(f"it computes something else: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(
        runner,
        _PLAIN,
        _CACHING,
        rng=np.random.default_rng(bench.options.seed),
        decided=decided,
        timeout_s=plain.timeout_s,
        budget_s=min(_UNDECIDED_S, _PART * bench.budget.left_s),
    )
    for key in (_PLAIN, _CACHING):
        runner.unload(key)
    return speedup(paired.baseline_s, paired.candidate_s)

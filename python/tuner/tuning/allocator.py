# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chooses the allocator of the whole model: the untuned model with the default one against itself with another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuner.errors import MeasurementError, WrongOutputError
from tuner.events import Note, PhaseStarted
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.speedup import Ratio, is_faster
from tuner.tuning.comparison import compare_programs
from tuner.tuning.whole_model import PlainModel, again_if_killed
from tuner.tuning.workbench import Workbench

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
    compared = compare_programs(
        plain,
        plain.program,
        replace(plain.program, allocator="caching"),
        bench.runner,
        np.random.default_rng(bench.options.seed),
        timeout_s=plain.timeout_s,
        budget_s=min(_UNDECIDED_S, _PART * bench.budget.left_s),
    )
    return compared.ratio

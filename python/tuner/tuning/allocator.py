# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chooses the allocator of the whole model: a model with the default one against itself with another.

The untuned model decides. If it gains nothing, the model with the flags that promise most does: data tiling packs the
operands of products into buffers. A product of 35x8457x2560 then takes 119 ms with the default allocator and 62 with
the caching one, the untuned one 139 and 137 (EPYC, AVX2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tuner.dispatch import Dispatch
from tuner.errors import MeasurementError, WrongOutputError
from tuner.events import Note, PhaseStarted
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.speedup import Ratio, is_faster
from tuner.tuning.comparison import compare_programs
from tuner.tuning.flag_plan import known_flags
from tuner.tuning.flag_search import promise
from tuner.tuning.flag_trials import FlagTrials
from tuner.tuning.whole_model import PlainModel, again_if_killed
from tuner.tuning.workbench import Workbench

# Seconds after which an undecided comparison stops, the part of a budget after which it does, and the part that it may
# take with the fewest rounds: a choice needs no narrow interval.
_UNDECIDED_S, _ROUNDS_PART, _PART = 5.0, 0.02, 0.1
# The least that it was seen to leave of an untuned model's speed.
_LEAST_KEPT = 0.88
# The part that compiling a model with flags may take besides, and comparing it.
_FLAGGED_PART = 0.15


def compare_allocators(bench: Workbench, plain: PlainModel, dispatches: Sequence[Dispatch]) -> AllocatorChoice:
    """The caching allocator if a model is faster with it beyond noise, or what the options say.

    `dispatches`: the untuned model's, which must run with the default allocator. Where the other one does not work the
    default stays.
    """
    wanted = bench.options.allocator
    if wanted != "auto":
        return AllocatorChoice(wanted)
    ratio = None
    if plain.costs.comparison_s() <= _PART * bench.budget.left_s:
        bench.listen(PhaseStarted("untuned model, caching allocator against the default one"))
        try:
            ratio = again_if_killed(lambda: _ratio(bench, plain))
        except WrongOutputError as error:
            return _kept(bench, str(error))
        except MeasurementError as error:
            bench.runner.check_device()
            return _kept(bench, str(error))
    pays_alone = ratio is not None and is_faster(ratio, 0.0)
    flagged = None if pays_alone else _flagged(bench, plain, dispatches)
    if pays_alone or pays_with_flags(ratio, flagged):
        choice = AllocatorChoice("caching", ratio, flagged)
        bench.listen(Note(choice.advice))
        return choice
    if ratio is not None:
        bench.listen(Note(f"The default allocator stays: the untuned model is {ratio} as fast with the caching one"))
    return AllocatorChoice("default", ratio, flagged)


def pays_with_flags(untuned: Ratio | None, flagged: Ratio | None) -> bool:
    """Whether flags make a model faster with the caching allocator, by more than it may cost the untuned model.

    `untuned`: None if there was no time to compare the untuned model.
    """
    kept = _LEAST_KEPT if untuned is None else untuned.low
    return flagged is not None and is_faster(flagged, 0.0) and flagged.low * kept > 1.0


def _flagged(bench: Workbench, plain: PlainModel, dispatches: Sequence[Dispatch]) -> Ratio | None:
    """What the caching allocator gives the model with the flags that promise most; None if that cannot be said."""
    known, promised = known_flags(bench.target.name), promise(bench, dispatches)
    if known is None or not promised.values:
        return None
    run_s, part_s = plain.costs.run_s / promised.speedup, _FLAGGED_PART * bench.budget.left_s
    if plain.costs.unthreaded_s + plain.costs.comparison_s(baseline_s=run_s, candidate_s=run_s) > part_s:
        return None
    bench.listen(PhaseStarted("model with the flags that promise most, caching allocator against the default one"))
    trials = FlagTrials(bench, plain, known, bench.budget.part(part_s))
    trials.mended(promised.values)
    binary = trials.binary_of(promised.values)
    if not binary.exists():
        return None
    try:
        return again_if_killed(lambda: _ratio(bench, replace(plain, program=plain.program_of(binary))))
    except MeasurementError:
        bench.runner.check_device()
        return None


def _kept(bench: Workbench, reason: str) -> AllocatorChoice:
    bench.listen(Note(f"The default allocator stays: the untuned model does not run with the caching one ({reason})"))
    return UNCHOSEN


def _ratio(bench: Workbench, plain: PlainModel) -> Ratio:
    """The speed-up of a compilation of the model by the caching allocator. Raises MeasurementError."""
    compared = compare_programs(
        plain,
        plain.program,
        replace(plain.program, allocator="caching"),
        bench.runner,
        np.random.default_rng(bench.options.seed),
        timeout_s=plain.timeout_s,
        budget_s=min(_UNDECIDED_S, _ROUNDS_PART * bench.budget.left_s),
    )
    return compared.ratio

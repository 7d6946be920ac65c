# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether flags alone make a model faster than choices for its convolutions, which rule some of these flags out."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.dispatch import Dispatch
from tuner.evaluate.budget import Budget
from tuner.events import Note
from tuner.tuning.flag_plan import FlagTimes
from tuner.tuning.flag_search import choose_flags, promise
from tuner.tuning.op_search import ChosenOps
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench

# Choices of flags that are tried.
_MOST_TRIALS = 4


def flags_are_better(
    bench: Workbench, plain: PlainModel, dispatches: Sequence[Dispatch], ops: ChosenOps, budget: Budget, read_s: float
) -> bool:
    """Whether the best of a few flags beats `ops`, by intervals of their speed-ups over the plain model.

    Flags are tried only if they promise more than `ops` gave. Their times are stored, so that the search of flags that
    follows does not measure them again. The other arguments are those of `choose_flags`.
    """
    if not ops.has_convolutions or promise(bench, dispatches).speedup <= ops.ratio.value:
        return False
    # The search of flags that follows reports it if there is no time.
    if not FlagTimes.of(plain, bench.options, read_s).affordable(1, budget.left_s):
        return False
    flags = choose_flags(bench, plain, dispatches, budget, read_s, at_most=_MOST_TRIALS)
    if flags.ratio is None or flags.ratio.low <= ops.ratio.high:
        return False
    bench.listen(Note(f"Nothing is chosen for single ops: that gives {ops.ratio}, flags alone give {flags.ratio}"))
    return True

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much of a budget is kept for what comes later: the choice of flags, the finals, the proof.

Pure numbers, from what a run has measured so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.evaluate.budget import Budget
from tuner.measuring.sampling import least_paired_s

# A budget below this many seconds, or this many compilations of the model, may not be kept.
_SHORT_S, _SHORT_COMPILATIONS = 60.0, 5
# The default and the candidates of the shortest run.
_LEAST_CANDIDATES = 4
# What a run takes after its proof at least: files are written, processes end. It takes about as long as its start.
_ENDING_S = 1.0
# Factor on estimates, which may be too low.
_MARGIN = 1.1
# What configuring a model takes, as a part of compiling it. The proof does it once, and again to apply late entries,
# without threads.
_CONFIGURING_PART = 0.25
# Sets of entries that may be tried alone, and the part of the budget for that. Nothing is used if all entries pay.
_BISECTION_TRIALS, _BISECTION_PART = 6, 0.04
# The part of what is left that may go into flags; up to the second if only that is enough for a few choices.
_FLAGS_PART, _MOST_FLAGS_PART, _FEW_CHOICES = 0.25, 0.6, 3
# The part of what is left that may go into choices for single ops; up to the second if only that is enough for one.
_OPS_PART, _MOST_OPS_PART = 0.3, 0.75
# The part of the time for dispatches that may be kept for finals; up to the second if they need that at least.
_FINALS_PART, _MOST_FINALS_PART = 0.3, 0.5


@dataclass(frozen=True, slots=True)
class ModelCosts:
    """Seconds by the wall that the plain model takes.

    `compile_s`: to be compiled; `unthreaded_s`: the same without threads, as it is with early entries. `only_late`: the
    target reads no other entries than late ones. `load_s`: to be loaded, given its data and run for the first time.
    `run_s`: to be run once more.
    """

    compile_s: float
    unthreaded_s: float
    load_s: float
    run_s: float
    only_late: bool = False

    def choice_s(self, workers: int) -> float:
        """What it takes to compile a choice of flags beside others, to check and to time it, about."""
        return self.compile_s / workers + self.sampled_s

    @property
    def sampled_s(self) -> float:
        """What it takes to load it, to run it for others to be compared with, and to sample it."""
        return self.load_s + max(4 * self.run_s, 0.15)

    def comparison_s(self, *, baseline_s: float | None = None, candidate_s: float | None = None) -> float:
        """What it takes at least to load, check and compare two compilations of the model.

        `baseline_s`, `candidate_s`: a run of each (by default that of the plain model).
        """
        runs_s = [self.run_s if run_s is None else run_s for run_s in (baseline_s, candidate_s)]
        return 3 * self.load_s + least_paired_s(*runs_s, renewal_s=2 * max(0.0, self.load_s - self.run_s))

    @property
    def configuring_s(self) -> float:
        """What it takes to read a spec back from the model."""
        return _CONFIGURING_PART * self.unthreaded_s

    @property
    def entries_s(self) -> float:
        """What it takes to read specs back from the model and to compile it with them."""
        return self.configuring_s + (self.compile_s if self.only_late else self.unthreaded_s)

    def command_s(self, flags_speedup: float | None = None) -> float:
        """What it takes to run the command that uses the result as it is printed, and to compare its binary."""
        return self.entries_s + self.comparison_s(candidate_s=self.run_s / (flags_speedup or 1.0))

    def proof_s(self, flags_speedup: float | None = None) -> float:
        """What the proof takes at least, the run of the printed command included.

        `flags_speedup`: what the chosen flags gain, None if there are none.
        """
        trial_s = self.configuring_s + self.trial_s(flags_speedup) + self.command_s(flags_speedup)
        if flags_speedup is None:
            return trial_s
        return trial_s + self.compile_s + self.comparison_s(candidate_s=self.run_s / flags_speedup)

    def trial_s(self, flags_speedup: float | None = None) -> float:
        """What it takes at least to compile the model with entries and to compare it with the one without."""
        tuned_s = self.run_s / (flags_speedup or 1.0)
        return self.entries_s + self.comparison_s(baseline_s=tuned_s, candidate_s=tuned_s)


def beginning(budget: Budget, costs: ModelCosts, start_s: float) -> tuple[Budget, str]:
    """The budget until the proof ends, and what a user should read of it, "" if it is long enough.

    One that is shorter than any run that is worth it becomes as long as the shortest. `start_s`: what the process took
    until the run started.
    """
    if budget.seconds is None:
        return budget, ""
    ending_s = max(_ENDING_S, start_s)
    least_s = _least_run_s(budget.spent_s + ending_s, costs)
    is_short = budget.seconds < max(_SHORT_S, _SHORT_COMPILATIONS * costs.compile_s)
    if not is_short and budget.seconds >= least_s:
        return budget.less(ending_s), ""
    what = "this run will probably take" if is_short else "tuning would take"
    text = (
        f"A budget of {budget.seconds:.0f} s is short: {what} at least {least_s:.0f} s, for {budget.spent_s:.0f} s have"
        f" passed until the model was compiled and run, and to prove that it is faster takes {costs.proof_s():.0f} s"
        f" (compiling it again {costs.entries_s:.1f} s, one run of it {costs.run_s:.2g} s)"
    )
    kept = Budget(max(budget.seconds, least_s), budget.started_s) if is_short else budget
    return kept.less(ending_s), text


def _least_run_s(spent_s: float, costs: ModelCosts) -> float:
    """A run of a default, few candidates, a final and a proof.

    All dispatches of a model together take about as long as it does.
    """
    return spent_s + _LEAST_CANDIDATES * costs.choice_s(1) + costs.comparison_s() + _MARGIN * costs.proof_s()


def proof_s(whole_s: float, costs: ModelCosts, flags_speedup: float | None) -> float:
    """How much of a budget of `whole_s` is kept for the proof.

    Beside the least, there is some time to find out which entries do not pay.
    """
    bisection_s = min(_BISECTION_PART * whole_s, _BISECTION_TRIALS * costs.trial_s(flags_speedup))
    return _MARGIN * costs.proof_s(flags_speedup) + bisection_s


def flags_s(left_s: float, choice_s: float, end_s: float) -> float:
    """How much of what is left may go into flags.

    `choice_s`: trying one choice. `end_s`: comparing the best with the plain model, and reading what it makes.
    """
    few_s = end_s + _FEW_CHOICES * choice_s
    return max(0.0, _FLAGS_PART * left_s, min(_MOST_FLAGS_PART * left_s, few_s))


def ops_s(left_s: float, first_s: float) -> float:
    """How much of what is left may go into choices for single ops. `first_s`: trying one set of them, and the end."""
    return max(0.0, _OPS_PART * left_s, min(_MOST_OPS_PART * left_s, first_s))


def finals_s(whole_s: float, least_s: Sequence[float], wanted_s: Sequence[float]) -> float:
    """How much of the time for dispatches is kept for finals.

    `least_s`, `wanted_s`: what each takes if it is short, and if it is not.
    """
    if not least_s:
        return 0.0
    bounded_s = max(_FINALS_PART * whole_s, min(sum(least_s), _MOST_FINALS_PART * whole_s))
    return max(min(sum(wanted_s), bounded_s), max(least_s))


def first_final_s(left_s: float, least_s: Sequence[float], savings_s: Sequence[float]) -> float | None:
    """The seconds for the first of the finals that wait, the one that saves most, or None if it does not fit.

    The others that fit keep the least that they take; what is left then is divided by what each saves.
    """
    spare_s = left_s - least_s[0]
    if spare_s < 0:
        return None
    saved_s = savings_s[0]
    for other_s, saving_s in zip(least_s[1:], savings_s[1:], strict=True):
        if other_s <= spare_s:
            spare_s -= other_s
            saved_s += saving_s
    return least_s[0] + spare_s * (savings_s[0] / saved_s if saved_s > 0 else 1.0)

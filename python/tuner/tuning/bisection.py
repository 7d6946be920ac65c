# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the entries of a spec that pay in the whole model, by halves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.events import Listener, Note
from tuner.tuning.result import DispatchResult
from tuner.tuning.run_specs import dropped, winners_of

# Why an entry is dropped if there is no time to show whether it pays.
UNTRIED = "the budget ended before its entry could be shown to pay"


@dataclass(frozen=True, slots=True)
class Bisection:
    """Finds the entries that pay: if the model is worse with all, each half is tried alone, down to single entries.

    `reason_against`: why the model is worse with some entries, or None; it gets the seconds that the following steps
    take. `drop`: removes an entry. `trial_s`: seconds of one such comparison. `left_s`: seconds of the budget
    that are left. Entries that cannot be compared in time are dropped too.
    """

    reason_against: Callable[[Sequence[DispatchResult], float], str | None]
    drop: Callable[[DispatchResult, str], DispatchResult]
    listen: Listener
    trial_s: float = 0.0
    left_s: Callable[[], float] = lambda: math.inf

    def paying(self, results: Sequence[DispatchResult], after_s: float = 0.0) -> list[DispatchResult]:
        """The results, without the winners that do not pay. `after_s`: seconds that the following steps take."""
        results = list(results)
        winners = sorted(winners_of(results), key=lambda result: -_saving_s(result))
        if not winners or (reason := self.reason_against(results, after_s)) is None:
            return results
        if len(winners) == 1:
            self.listen(Note(f"{winners[0].dispatch.name}: its entry is dropped, {reason}"))
            return [self.drop(result, reason) if result is winners[0] else result for result in results]
        self.listen(Note(f"Half of the {len(winners)} entries are tried alone, then the others: {reason}"))
        half = (len(winners) + 1) // 2
        for group in (winners[:half], winners[half:]):
            names = {result.dispatch.name for result in group}
            if self.left_s() < 2 * self.trial_s + after_s:
                results = self._untried(results, names)
                continue
            alone = [
                result if result.dispatch.name in names else dropped(result, "not in this half") for result in results
            ]
            kept = {result.dispatch.name: result for result in self.paying(alone, self.trial_s + after_s)}
            results = [kept[result.dispatch.name] if result.dispatch.name in names else result for result in results]
        if not winners_of(results) or (reason := self.reason_against(results, after_s)) is None:
            return results
        self.listen(Note(f"every entry is dropped: {reason}"))
        return [self.drop(result, reason) if result.winner is not None else result for result in results]

    def _untried(self, results: Sequence[DispatchResult], names: set[str]) -> list[DispatchResult]:
        """The results without these entries, which there is no time to try."""
        self.listen(Note(f"{', '.join(sorted(names))}: dropped, {UNTRIED}"))
        return [self.drop(result, UNTRIED) if result.dispatch.name in names else result for result in results]


def _saving_s(result: DispatchResult) -> float:
    """Seconds that a winner takes off one run of the model, as measured alone."""
    if result.final is None:
        return 0.0
    paired = result.final.paired
    return result.dispatch.runs * (statistics.median(paired.baseline_s) - statistics.median(paired.candidate_s))

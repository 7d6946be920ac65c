# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The last choice for the longest dispatches: which of their best candidates makes the whole model fastest.

Alone, a dispatch finds its operands in the caches that its own last run left. In the model another dispatch ran before
it, so the order of candidates that differ by little may be another one there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from tuner.events import Listener, Note
from tuner.outcome import Evaluation
from tuner.speedup import Ratio, is_faster
from tuner.tuning.result import DispatchResult

# For how many dispatches the model chooses, and the part of all dispatches' time that each takes at least.
_DISPATCHES, _LEAST_PART = 3, 0.05
# Candidates of each that are tried in the model beside the winner, and how many times slower they may be alone.
_OTHERS, _WITHIN = 2, 1.1


class Searched(Protocol):
    """What the choice needs to know of a search that is over; see `DispatchSearch`."""

    @property
    def name(self) -> str:
        """The dispatch's name."""

    @property
    def best_s(self) -> float:
        """Seconds that its best candidate, or default, takes in one run of the model."""

    @property
    def finalists(self) -> Sequence[Evaluation]:
        """Its best candidates, the best of the search first."""


def others_of(searches: Sequence[Searched], results: Sequence[DispatchResult]) -> dict[str, list[Evaluation]]:
    """By dispatch, the candidates that are tried in the model beside the winner; the longest dispatch first.

    None if the model has a single dispatch: it is all of the model.
    """
    winners = {result.dispatch.name: result.winner for result in results}
    whole_s = sum(search.best_s for search in searches)
    longest = sorted(searches, key=lambda search: -search.best_s)[: _DISPATCHES if len(searches) > 1 else 0]
    found = {}
    for search in longest:
        winner = winners.get(search.name)
        if winner is None or winner.speedup is None or search.best_s < _LEAST_PART * whole_s:
            continue
        close = [end for end in search.finalists if end.speedup and end.speedup * _WITHIN >= winner.speedup]
        number = winner.candidate.number
        found[search.name] = [end for end in close if end.candidate.number != number][:_OTHERS]
    return found


def chosen_by_model(
    results: Sequence[DispatchResult],
    others: Mapping[str, Sequence[Evaluation]],
    ratio_of: Callable[[Sequence[DispatchResult], Sequence[DispatchResult]], Ratio | None],
    confirmed: Callable[[str, Evaluation], DispatchResult | None],
    has_time: Callable[[], bool],
    listen: Listener,
) -> list[DispatchResult]:
    """The results, each with the candidate with which the model is fastest.

    `others`: what is tried, by dispatch. `ratio_of`: the speed-up of the model with the second results over the first;
    None if they do not hold there. `confirmed`: a dispatch's result with another winner; None if that is wrong, or not
    faster than the default.
    """
    chosen = {result.dispatch.name: result for result in results}
    for name, candidates in others.items():
        for other in candidates:
            before = chosen[name]
            if not has_time():
                return list(chosen.values())
            if before.final is None:
                break
            tried = {**chosen, name: replace(before, final=replace(before.final, evaluation=other))}
            ratio = ratio_of(list(chosen.values()), list(tried.values()))
            if ratio is None or not is_faster(ratio, 0.0):
                continue
            found = confirmed(name, other)
            if found is not None and found.winner is not None:
                numbers = f"{other.candidate.number} instead of {before.final.evaluation.candidate.number}"
                listen(Note(f"{name}: candidate {numbers}, with which the model is {ratio} as fast"))
                chosen[name] = replace(found, late=before.late)
    return list(chosen.values())

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Says whose turn is next: one dispatch after the other, or within a budget the one that is expected to gain most.

Pure numbers, no compiler.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tuner.evaluate.budget import Budget
from tuner.events import Listener, Note, nobody
from tuner.measuring.halving import never
from tuner.rates.work import NO_WORK, Work
from tuner.tuning.headroom import headrooms
from tuner.tuning.reserve import finals_s, first_final_s

# The best of n + 4 candidates was faster than the best of n by 0.85 / n: the default strategy's mean curves on four
# recorded spaces (docs/search_curves.csv), from n = 4 to 28 (.79 to 1.15).
_GAIN_OF_ONE = 0.85 / 4
# The latest candidates whose gain counts as much as that expectation.
_WINDOW = 12
# The rate that can be reached, in usual rates. Those are rates of defaults, so it is more than one. The first
# candidates find the square root of what there is to be gained.
HEADROOM = 1.5
# The least and the most that a dispatch promises, in usual gains.
_LEAST_PROMISE, _MOST_PROMISE = 0.25, 4.0
# The part of a gain in a similar dispatch that the same choice is expected to gain here.
_TRUST = 0.5
# Seconds that a candidate counts with at least: one that a store holds takes none.
_LEAST_S = 1e-6
# A batch that is not expected to make the model faster by this fraction is not worth its time.
_LEAST_GAIN = 2e-4


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the search of one dispatch is.

    `default_s`: seconds of the default in one run of the model, all its runs together. `best`: the best speed-up
    after each candidate so far, the default (1.0) first. `spent_s`: seconds that they took. `left`: candidates that
    may still be asked for.

    `default_took_s`: seconds that the default took to be compiled and timed. `fastest`: the best candidate's speed-up,
    which may be below 1; None if none was measured. `work`: what the dispatch does in one run of the model, all its
    runs together. `similar`: what similar dispatches gained so far. `advised`: the best speed-up in a similar dispatch
    of what was not tried here; 1 if everything was.
    """

    default_s: float
    best: Sequence[float]
    spent_s: float
    left: int
    default_took_s: float = 1.0
    fastest: float | None = None
    work: Work = NO_WORK
    similar: Sequence[float] = ()
    advised: float = 1.0

    @property
    def tried(self) -> int:
        """Candidates so far."""
        return len(self.best) - 1


class Searching(Protocol):
    """What a schedule needs to know of a search, and does with it. Times are seconds; see `DispatchSearch`."""

    @property
    def standing(self) -> Standing:
        """How far the search is."""

    @property
    def saving_s(self) -> float:
        """What the best candidate so far takes off one run of the model."""

    @property
    def candidate_s(self) -> float:
        """What a candidate takes to be compiled and measured."""

    @property
    def least_final_s(self) -> float:
        """What the final takes at least."""

    @property
    def wanted_final_s(self) -> float:
        """What the final takes if nothing shortens it, about."""

    def announce(self) -> None:
        """Reports that its candidates follow."""

    def rest(self) -> None:
        """Leaves the measuring processes to another search."""


S = TypeVar("S", bound=Searching)


@dataclass(frozen=True, slots=True)
class Batch(Generic[S]):
    """The next `count` candidates of a search."""

    search: S
    count: int


@dataclass(frozen=True, slots=True)
class Finish(Generic[S]):
    """The final of a search, within a budget if there is one."""

    search: S
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class GiveUp(Generic[S]):
    """No final for a search, and why."""

    search: S
    reason: str


Turn = Batch[S] | Finish[S] | GiveUp[S]


def in_turn(searches: Sequence[S], batch: int, stop: Callable[[], bool] = never) -> Iterator[Turn[S]]:
    """All candidates of one search and its final, then those of the next.

    Once `stop` returns true, no more candidates: a search that found something gets its final, the others none.
    """
    for search in searches:
        if not stop():
            search.announce()
        while search.standing.left and not stop():
            yield Batch(search, batch)
        if stop() and not search.saving_s > 0:
            yield GiveUp(search, _nothing_found(search.standing, "the run was stopped before its search"))
        else:
            yield Finish(search)


def explored(searches: Sequence[S], batch: int, budget: Budget, stop: Callable[[], bool] = never) -> Iterator[Batch[S]]:
    """Batch after batch for whichever search is expected to gain most, until the budget ends; no finals.

    Nor are there more batches once `stop` returns true.
    """
    yield from _by_gain(searches, batch, budget, nobody, stop, keeps_finals=False)


def within(
    searches: Sequence[S], batch: int, budget: Budget, listen: Listener, stop: Callable[[], bool] = never
) -> Iterator[Turn[S]]:
    """Batch after batch for whichever search is expected to gain most, then the finals that there is time for.

    Once `stop` returns true, the finals start.
    """
    yield from _by_gain(searches, batch, budget, listen, stop)
    untried = (
        "the run was stopped before its search" if stop() else "the time went to dispatches with more to be gained"
    )
    yield from _finals(searches, budget, untried)


def _by_gain(
    searches: Sequence[S],
    batch: int,
    budget: Budget,
    listen: Listener,
    stop: Callable[[], bool],
    *,
    keeps_finals: bool = True,
) -> Iterator[Batch[S]]:
    """Batches until nothing more is to be gained, the finals must start if time is kept for them, or `stop()`.

    A batch is made smaller if there is no time for all of it.
    """
    if not searches:
        return
    model_s = sum(search.standing.default_s for search in searches)
    whole_s = budget.left_s
    current: S | None = None
    while not stop():
        index = choose([search.standing for search in searches], batch, model_s)
        if index is None:
            listen(Note("the search ends before its time: nothing more is expected to be gained"))
            break
        chosen = searches[index]
        left_s = budget.left_s - (_kept_for_finals_s(searches, index, whole_s) if keeps_finals else 0.0)
        count = min(batch, math.floor(left_s / chosen.candidate_s))
        if count < 1:
            break
        if chosen is not current:
            if current is not None:
                current.rest()
            current = chosen
            current.announce()
        yield Batch(current, count)
    if current is not None:
        current.rest()


def _kept_for_finals_s(searches: Sequence[Searching], asked: int, whole_s: float) -> float:
    """The time for the finals of all searches that found something, and of the one that is asked next."""
    waiting = [search for index, search in enumerate(searches) if search.saving_s > 0 or index == asked]
    least_s = [search.least_final_s for search in waiting]
    return finals_s(whole_s, least_s, [search.wanted_final_s for search in waiting])


def _finals(searches: Sequence[S], budget: Budget, untried: str) -> Iterator[Turn[S]]:
    """The finals that there is time for, those that save most first. The very first is never left out.

    `untried`: why a search had no candidates.
    """
    for search in searches:
        if not search.saving_s > 0:
            yield GiveUp(search, _nothing_found(search.standing, untried))
    promising = [search for search in searches if search.saving_s > 0]
    waiting = sorted(promising, key=lambda search: -search.saving_s)
    for index, search in enumerate(waiting):
        left = waiting[index:]
        least_s = [other.least_final_s for other in left]
        time_s = first_final_s(budget.left_s, least_s, [other.saving_s for other in left])
        if time_s is None and index > 0:
            yield GiveUp(search, "the default stays: the budget ended before its final")
        else:
            yield Finish(search, budget.part(time_s or 0.0))


def _nothing_found(standing: Standing, untried: str) -> str:
    if not standing.tried:
        return f"left alone: {untried}"
    return f"the default stays: none of {standing.tried} candidates was faster in the search"


def expected_gain_s(standing: Standing, batch: int, headroom: float | None = None) -> float:
    """The seconds by which the next `batch` candidates are expected to shorten one run of the model.

    `headroom`: the time that the best so far takes, divided by what the machine usually takes for such work.
    """
    if not standing.left:
        return 0.0
    tried, best = standing.tried, max(standing.best)
    usual = _GAIN_OF_ONE * min(batch, standing.left) / max(tried, 1) * _promise(headroom)
    if tried == 0 and standing.similar:
        known = len(standing.similar) / (len(standing.similar) + 1)
        relative = (1 - known) * usual + known * (statistics.fmean(standing.similar) - 1)
    elif tried < _WINDOW:
        relative = usual
    else:
        seen = (best / max(standing.best[:-_WINDOW]) - 1) * batch / _WINDOW
        relative = (usual + seen) / 2
    gain = relative / (1 + relative) * _reached(standing, best, relative)
    advised = _TRUST * (standing.advised / best - 1)
    return standing.default_s / best * max(gain, advised / (1 + advised))


def _promise(headroom: float | None) -> float:
    """How many times as much as usual a dispatch gains."""
    if headroom is None:
        return 1.0
    return min(max((math.sqrt(HEADROOM * headroom) - 1) / (4 * _GAIN_OF_ONE), _LEAST_PROMISE), _MOST_PROMISE)


def _reached(standing: Standing, best: float, relative: float) -> float:
    """How probable it is that the next candidates are faster than what the dispatch has.

    The best candidate may be slower than the default, and becomes faster by `relative` on average. Steps of such a
    mean are taken to be distributed exponentially.
    """
    if standing.fastest is None or standing.fastest >= best:
        return 1.0
    return math.exp(-(best / standing.fastest - 1) / relative) if relative > 0 else 0.0


def choose(standings: Sequence[Standing], batch: int, model_s: float) -> int | None:
    """Which of them gets the next batch, or None if no batch is worth its time.

    `model_s`: seconds of one run of the model. What counts is the gain for each second that a candidate takes to be
    compiled and measured. Before the first candidate of a dispatch, that is what its default took, times the ratio
    that candidates of the others have to their defaults.
    """
    rooms = headrooms([standing.work for standing in standings], [_now_s(standing) for standing in standings])
    gains = [
        expected_gain_s(standing, batch, room if standing.work.iterations else None)
        for standing, room in zip(standings, rooms, strict=True)
    ]
    by_defaults_s = sum(standing.tried * standing.default_took_s for standing in standings)
    ratio = sum(standing.spent_s for standing in standings) / by_defaults_s if by_defaults_s else 1.0
    rates = [
        gain / max(standing.spent_s / standing.tried if standing.tried else ratio * standing.default_took_s, _LEAST_S)
        for gain, standing in zip(gains, standings, strict=True)
    ]
    worth = [index for index, gain in enumerate(gains) if gain >= _LEAST_GAIN * model_s]
    return max(worth, key=rates.__getitem__, default=None)


def _now_s(standing: Standing) -> float:
    """Seconds of the best so far in one run of the model."""
    return standing.default_s / max(standing.best)

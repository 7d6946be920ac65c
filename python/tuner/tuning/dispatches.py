# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes the dispatches of a model: one after the other, or within a budget where the model's time is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuner.dispatch import Dispatch
from tuner.errors import ToolError
from tuner.evaluate.budget import Budget
from tuner.events import Note, PhaseStarted, SearchPlanned
from tuner.targets import Limits
from tuner.tuning.dispatch_search import NothingToSearchError, SearchTask
from tuner.tuning.plan import plan
from tuner.tuning.reserve import finals_s, first_final_s
from tuner.tuning.result import DispatchResult
from tuner.tuning.schedule import choose
from tuner.tuning.workbench import Workbench

_NOT_BEGUN = "left alone: the budget ended before its default was timed"
# A dispatch that takes a smaller part of all dispatches' time is left alone.
LEAST_SHARE = 1e-3
# Of the time for dispatches so much may go into solving and timing the defaults.
_DEFAULTS_PART = 0.5


def tune_dispatches(
    bench: Workbench, dispatches: Sequence[Dispatch], limits: Limits, budget: Budget
) -> list[DispatchResult]:
    """Each dispatch's result. Equal problems are tuned once, since one spec entry serves them all."""
    beginning = budget.part(_DEFAULTS_PART * budget.left_s)
    planned = plan(dispatches, bench.target, bench.options)
    found = {name: DispatchResult(_named(dispatches, name), reason) for name, reason in planned.left.items()}
    searches = []
    for task in planned.tasks:
        if beginning.left_s <= 0:
            found[task.dispatch.name] = DispatchResult(task.dispatch, _NOT_BEGUN)
            continue
        try:
            searches.append(SearchTask(bench, task, limits))
        except NothingToSearchError as error:
            found[task.dispatch.name] = DispatchResult(task.dispatch, str(error))
    searches = _started(bench, searches, found, beginning)
    if budget.is_limited:
        _search_by_gain(bench, searches, budget)
        _finish_within(bench, searches, budget, found)
    else:
        for search in searches:
            search.announce()
            while search.standing.left:
                search.step(bench.batch)
            _finish(bench, search, found)
    return [found[dispatch.name] for dispatch in dispatches]


def _finish(
    bench: Workbench, search: SearchTask, found: dict[str, DispatchResult], budget: Budget | None = None
) -> None:
    found[search.name] = bench.finished[search.name] = search.finish(budget)
    search.rest()


def _finish_within(
    bench: Workbench, searches: Sequence[SearchTask], budget: Budget, found: dict[str, DispatchResult]
) -> None:
    """The finals that there is time for, those that save most first. The very first is never left out."""
    for search in searches:
        if not search.saving_s > 0:
            found[search.name] = search.give_up(_nothing_found(search))
    waiting = sorted(_promising(searches), key=lambda each: -each.saving_s)
    for index, search in enumerate(waiting):
        left = waiting[index:]
        time_s = first_final_s(budget.left_s, [each.least_final_s for each in left], [each.saving_s for each in left])
        if time_s is None and index > 0:
            found[search.name] = search.give_up("the default stays: the budget ended before its final")
        else:
            _finish(bench, search, found, budget.part(time_s or 0.0))


def _promising(searches: Sequence[SearchTask]) -> list[SearchTask]:
    """Those in which something faster than the default was found, so that there is a final."""
    return [search for search in searches if search.saving_s > 0]


def _started(
    bench: Workbench, searches: Sequence[SearchTask], found: dict[str, DispatchResult], budget: Budget
) -> list[SearchTask]:
    """The searches that are worth it, the largest first: all defaults compiled and timed, while the budget lasts."""
    bench.listen(PhaseStarted(f"timing the defaults of {len(searches)} dispatches"))
    started: list[SearchTask] = []
    at_once = bench.batch if budget.is_limited else max(1, len(searches))
    for first in range(0, len(searches), at_once):
        group = searches[first : first + at_once]
        if started and budget.left_s <= 0:
            found.update({each.name: DispatchResult(each.task.dispatch, _NOT_BEGUN) for each in group})
            continue
        defaults = bench.compilers.compile([search.default_job for search in group])
        for search, default in zip(group, defaults, strict=True):
            try:
                search.start(default)
                search.rest()
                started.append(search)
            except ToolError as error:
                found[search.name] = DispatchResult(search.task.dispatch, f"not tunable: {error}")
    total_s = sum(search.default_s for search in started)
    kept = []
    for search in sorted(started, key=lambda each: -each.default_s):
        share = search.default_s / total_s
        if share >= LEAST_SHARE or bench.options.dispatches:
            kept.append(search)
        else:
            found[search.name] = search.give_up(f"left alone: it takes less than {LEAST_SHARE:.1%} of the time")
    bench.listen(SearchPlanned(len(kept), sum(search.standing.left for search in kept)))
    return kept


def _search_by_gain(bench: Workbench, searches: Sequence[SearchTask], budget: Budget) -> None:
    """Gives batch after batch to whoever is expected to gain most, until nothing is to be gained or finals must begin.

    A batch is made smaller if there is no time for all of it.
    """
    if not searches:
        return
    model_s = sum(search.default_s for search in searches)
    whole_s = budget.left_s
    current: SearchTask | None = None
    while True:
        index = choose([search.standing for search in searches], bench.batch, model_s)
        if index is None:
            bench.listen(Note("the search ends before its time: nothing more is expected to be gained"))
            return
        batch = _batch_within(
            searches[index], bench.batch, budget.left_s - _kept_for_finals_s(searches, index, whole_s)
        )
        if batch < 1:
            break
        if searches[index] is not current:
            if current is not None:
                current.rest()
            current = searches[index]
            current.announce()
        current.step(batch)
    if current is not None:
        current.rest()


def _batch_within(search: SearchTask, batch: int, left_s: float) -> int:
    """As many candidates of a batch as there is time for."""
    return min(batch, math.floor(left_s / search.candidate_s))


def _kept_for_finals_s(searches: Sequence[SearchTask], asked: int, whole_s: float) -> float:
    """The time for the finals of whoever found something, and of the one that is asked next."""
    waiting = [each for index, each in enumerate(searches) if each.saving_s > 0 or index == asked]
    return finals_s(whole_s, [each.least_final_s for each in waiting], [each.wanted_final_s for each in waiting])


def _nothing_found(search: SearchTask) -> str:
    tried = len(search.standing.best) - 1
    if not tried:
        return "left alone: the time went to dispatches with more to be gained"
    return f"the default stays: none of {tried} candidates was faster in the search"


def _named(dispatches: Sequence[Dispatch], name: str) -> Dispatch:
    return next(dispatch for dispatch in dispatches if dispatch.name == name)

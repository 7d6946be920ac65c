# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes the dispatches of a model: one after the other, or within a budget where the model's time is."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.budget import Budget
from tuner.dispatch import Dispatch
from tuner.errors import ToolError
from tuner.events import Note, PhaseStarted, SearchPlanned
from tuner.planning import plan
from tuner.result import DispatchResult
from tuner.scheduling import choose
from tuner.search_task import NothingToSearchError, SearchTask
from tuner.targets import Limits
from tuner.workbench import Workbench

# A dispatch that takes a smaller part of all dispatches' time is left alone.
LEAST_SHARE = 1e-3
# The part of the time for dispatches that goes into the search, before the finals.
_SEARCH_PART = 0.7


def tune_dispatches(
    bench: Workbench, dispatches: Sequence[Dispatch], limits: Limits, budget: Budget
) -> list[DispatchResult]:
    """Each dispatch's result. Equal problems are tuned once, since one spec entry serves them all."""
    planned = plan(dispatches, bench.target, early_only=bench.options.early_only)
    found = {name: DispatchResult(_named(dispatches, name), reason) for name, reason in planned.left.items()}
    searches = []
    for task in planned.tasks:
        try:
            searches.append(SearchTask(bench, task, limits))
        except NothingToSearchError as error:
            found[task.dispatch.name] = DispatchResult(task.dispatch, str(error))
    searches = _started(bench, searches, found)
    if budget.is_limited:
        _search_by_gain(bench, searches, budget.part(_SEARCH_PART))
        searches.sort(key=lambda each: -each.saving_s)
    for search in searches:
        if not budget.is_limited:
            search.announce()
            while search.standing.left:
                search.step(bench.batch)
        elif not search.saving_s > 0:
            found[search.name] = search.give_up(_nothing_found(search))
            continue
        elif budget.left_s <= 0:
            found[search.name] = search.give_up("the default stays: the budget ended before its final")
            continue
        found[search.name] = bench.finished[search.name] = search.finish()
        search.rest()
    return [found[dispatch.name] for dispatch in dispatches]


def _started(bench: Workbench, searches: Sequence[SearchTask], found: dict[str, DispatchResult]) -> list[SearchTask]:
    """The searches that are worth it, the largest first: all defaults compiled and timed."""
    bench.listen(PhaseStarted(f"timing the defaults of {len(searches)} dispatches"))
    started = []
    defaults = bench.compilers.compile([search.default_job for search in searches])
    for search, default in zip(searches, defaults, strict=True):
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
    """Gives batch after batch to whoever is expected to gain most, until the time ends or nothing is to be gained."""
    model_s = sum(search.default_s for search in searches)
    current: SearchTask | None = None
    while budget.left_s > 0:
        index = choose([search.standing for search in searches], bench.batch, model_s)
        if index is None:
            bench.listen(Note("the search ends before its time: nothing more is expected to be gained"))
            return
        if searches[index] is not current:
            if current is not None:
                current.rest()
            current = searches[index]
            current.announce()
        current.step(bench.batch)
    if current is not None:
        current.rest()


def _nothing_found(search: SearchTask) -> str:
    tried = len(search.standing.best) - 1
    if not tried:
        return "left alone: the time went to dispatches with more to be gained"
    return f"the default stays: none of {tried} candidates was faster in the search"


def _named(dispatches: Sequence[Dispatch], name: str) -> Dispatch:
    return next(dispatch for dispatch in dispatches if dispatch.name == name)

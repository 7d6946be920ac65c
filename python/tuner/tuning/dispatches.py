# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes the dispatches of a model: one after the other, or within a budget those that take the model's time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.dispatch import Dispatch
from tuner.errors import ToolError
from tuner.evaluate.budget import Budget
from tuner.events import DispatchEnded, PhaseStarted, SearchPlanned
from tuner.measuring.racecheck import expected_s
from tuner.rates.work import Work
from tuner.specs.stand_in import StandIn
from tuner.targets import Limits
from tuner.tuning.dispatch_search import DispatchSearch, NothingToSearchError, SolvedSearch
from tuner.tuning.plan import Task, plan
from tuner.tuning.races import without_races
from tuner.tuning.result import DispatchResult
from tuner.tuning.schedule import Batch, Finish, GiveUp, in_turn, within
from tuner.tuning.workbench import Workbench

_NOT_STARTED = "left alone: the budget ended before its default was timed"
_STOPPED = "left alone: the run was stopped before its default was timed"
# A dispatch that takes a smaller part of all dispatches' time is left alone.
LEAST_SHARE = 1e-3
# The part of the time for dispatches that may go into solving their spaces and timing their defaults.
DEFAULTS_PART = 0.5


def tune_dispatches(
    bench: Workbench, dispatches: Sequence[Dispatch], limits: Limits, budget: Budget
) -> list[DispatchResult]:
    """The result of each dispatch. Equal problems are tuned once, since one spec entry serves them all."""
    return search_field(start_field(bench, dispatches, limits, budget.part(DEFAULTS_PART * budget.left_s)), budget)


@dataclass(frozen=True, slots=True)
class Field:
    """The dispatches of a model: the searches of those that are worth it, and the results of the others by name.

    `waiting`: those whose defaults were not timed, which probably take less time than the others.
    """

    bench: Workbench
    dispatches: tuple[Dispatch, ...]
    limits: Limits
    searches: tuple[DispatchSearch, ...]
    found: dict[str, DispatchResult]
    waiting: tuple[Task, ...]
    stand_ins: Sequence[StandIn] = ()

    @property
    def default_s(self) -> float:
        """Seconds that the defaults of the searches take in one run of the model."""
        return sum(search.default_s for search in self.searches)


def start_field(
    bench: Workbench,
    dispatches: Sequence[Dispatch],
    limits: Limits,
    budget: Budget,
    enough_s: float = math.inf,
    stand_ins: Sequence[StandIn] = (),
) -> Field:
    """Solves the spaces and times the defaults, those first that probably take longest if the budget is limited.

    `enough_s`: seconds of a run of the model; no more are timed if those that were take as long. `stand_ins` are timed
    in place of defaults that do not compile.
    """
    planned = plan(dispatches, bench.target, bench.options)
    named = {dispatch.name: dispatch for dispatch in dispatches}
    found = {name: DispatchResult(named[name], reason) for name, reason in planned.left.items()}
    tasks = _largest_first(planned.tasks) if budget.is_limited else planned.tasks
    return start_waiting(Field(bench, tuple(dispatches), limits, (), found, tuple(tasks), stand_ins), budget, enough_s)


def start_waiting(field: Field, budget: Budget, enough_s: float = math.inf) -> Field:
    """Solves the spaces and times the defaults of those that wait. The arguments are those of `start_field`."""
    bench, found, waiting = field.bench, field.found, field.waiting
    if not waiting:
        return field
    bench.listen(PhaseStarted(f"timing defaults of dispatches: {len(waiting)}"))
    started: list[DispatchSearch] = []
    at_once = bench.batch if budget.is_limited else len(waiting)
    while waiting and budget.left_s > 0 and not bench.stop():
        if field.default_s + sum(search.default_s for search in started) >= enough_s:
            break
        started += _started(bench, _solved(field, waiting[:at_once]), found)
        waiting = waiting[at_once:]
    if bench.stop():
        found.update({task.dispatch.name: DispatchResult(task.dispatch, _STOPPED) for task in waiting})
        waiting = ()
    return replace(field, searches=_worth_searching(field, started), waiting=waiting)


def search_field(field: Field, budget: Budget, then_s: float = 0.0) -> list[DispatchResult]:
    """Searches the dispatches to the end, finals included; the result of each.

    `then_s`: seconds that the run is expected to take afterwards, for its listeners.
    """
    bench, found, searches = field.bench, field.found, field.searches
    found.update({task.dispatch.name: DispatchResult(task.dispatch, _NOT_STARTED) for task in field.waiting})
    standings = [search.standing for search in searches]
    # In a race of two choices of flags.
    tried = sum(standing.tried for standing in standings)
    candidates = tried + sum(standing.left for standing in standings)
    finals_s = sum(search.expected_final_s for search in searches)
    bench.listen(SearchPlanned(len(searches), candidates, tried, finals_s, then_s))
    before_races = budget.less(expected_s(bench.runner.device, len(searches)))
    if budget.is_limited:
        turns = within(searches, bench.batch, before_races, bench.listen, bench.stop)
    else:
        turns = in_turn(searches, bench.batch, bench.stop)
    for turn in turns:
        match turn:
            case Batch(search, count):
                search.step(count)
            case Finish(search, final_budget):
                found[search.name] = bench.finished[search.name] = search.finish(final_budget)
                search.rest()
                bench.listen(_ended(found[search.name]))
            case GiveUp(search, reason):
                found[search.name] = search.give_up(reason)
                search.rest()
                bench.listen(_ended(found[search.name]))
    changed = without_races(bench, {search.name: search for search in searches}, found, budget)
    found.update(changed)
    bench.finished.update(changed)
    return [found[dispatch.name] for dispatch in field.dispatches]


def _ended(result: DispatchResult) -> DispatchEnded:
    ratio = None if result.final is None else result.final.ratio
    return DispatchEnded(result.dispatch.name, result.verdict, result.winner is not None, ratio)


def _largest_first(tasks: Sequence[Task]) -> list[Task]:
    """What probably takes most of the model's time first: a budget may end before all defaults are timed."""
    return sorted(tasks, key=lambda task: -Work.of(task.problem, task.runs).size)


def _solved(field: Field, tasks: Sequence[Task]) -> list[SolvedSearch]:
    """The searches that there is something to search in."""
    stand_ins = {stand_in.problem: stand_in for stand_in in field.stand_ins}
    solved = []
    for task in tasks:
        try:
            solved.append(SolvedSearch.of(field.bench, task, field.limits, stand_ins.get(task.problem)))
        except NothingToSearchError as error:
            field.found[task.dispatch.name] = DispatchResult(task.dispatch, str(error))
    return solved


def _started(
    bench: Workbench, solved: Sequence[SolvedSearch], found: dict[str, DispatchResult]
) -> list[DispatchSearch]:
    """The searches whose defaults could be compiled and timed."""
    started: list[DispatchSearch] = []
    defaults = bench.compilers.compile([search.default_job for search in solved])
    for waiting, default in zip(solved, defaults, strict=True):
        if bench.stop():
            found[waiting.name] = DispatchResult(waiting.task.dispatch, _STOPPED)
            continue
        try:
            search = DispatchSearch.start(waiting, default)
            search.rest()
            started.append(search)
        except ToolError as error:
            found[waiting.name] = DispatchResult(waiting.task.dispatch, f"not tunable: {error}")
    return started


def _worth_searching(field: Field, started: Sequence[DispatchSearch]) -> tuple[DispatchSearch, ...]:
    """Those whose defaults take a part of the time that is worth it, and those before them, the largest first."""
    total_s = field.default_s + sum(search.default_s for search in started)
    kept = list(field.searches)
    for search in started:
        if field.bench.options.dispatches or search.default_s / total_s >= LEAST_SHARE:
            kept.append(search)
        else:
            reason = f"left alone: it takes less than {LEAST_SHARE:.1%} of the time"
            field.found[search.name] = search.give_up(reason)
    return tuple(sorted(kept, key=lambda search: -search.default_s))

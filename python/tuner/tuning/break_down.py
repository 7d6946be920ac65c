# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times every dispatch of the untuned model and of the tuned one alone, those included that are not tuned.

What the search has timed is not timed again.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.compile.pool import CompileJob
from tuner.dispatch import Dispatch, Problem
from tuner.events import PhaseStarted
from tuner.outcome import DEFAULT, Compilation
from tuner.rates.breakdown import Breakdown, TimedDispatch
from tuner.rates.work import Footprint
from tuner.tuning.alone import time_alone
from tuner.tuning.result import DispatchResult
from tuner.tuning.workbench import Workbench

# Seconds of one run, by the problem of a dispatch, or by its name if that is not known.
Seconds = Mapping[Problem | str, float]


def break_down_model(
    bench: Workbench,
    untuned: Sequence[Dispatch],
    tuned: Sequence[Dispatch],
    results: Sequence[DispatchResult],
    reserve_s: float,
) -> Breakdown:
    """Where the time of both models goes.

    `untuned`: the dispatches of the untuned model. `tuned`: those of the model compiled with what was chosen, equal
    to the others if that changes none, empty if nothing was chosen. `results`: those of `tuned`, or of `untuned` if
    it is empty. `reserve_s`: seconds of the budget that are left for what follows.

    Raises DeviceLostError.
    """
    defaults, best = _timed_by_search(results)
    alone = _Alone(bench, reserve_s)
    are_equal = not tuned or tuned == untuned
    before = alone.times(untuned, defaults if are_equal else {}, "untuned")
    winners = frozenset(
        result.dispatch.problem for result in results if result.winner is not None and result.dispatch.problem
    )
    after = alone.times(tuned, {**(before if are_equal else {}), **defaults, **best}, "tuned")
    return Breakdown(
        tuple(_timed(dispatch, before) for dispatch in untuned),
        tuple(_timed(dispatch, after, winners) for dispatch in tuned),
    )


def _timed_by_search(results: Sequence[DispatchResult]) -> tuple[Seconds, Seconds]:
    """Seconds of one run of the defaults, and of the winners, by their problems."""
    defaults: dict[Problem | str, float] = {}
    best: dict[Problem | str, float] = {}
    for result in results:
        problem = result.dispatch.problem
        if problem is None or not result.evaluations:
            continue
        if result.final is not None:
            defaults[problem] = statistics.median(result.final.paired.baseline_s)
        elif result.evaluations[0].time_s is not None:
            defaults[problem] = result.evaluations[0].time_s
        if result.winner is not None and result.final is not None:
            best[problem] = statistics.median(result.final.paired.candidate_s)
    return defaults, best


def _timed(dispatch: Dispatch, seconds: Seconds, winners: frozenset[Problem] = frozenset()) -> TimedDispatch:
    problem = dispatch.problem
    return TimedDispatch(
        name=dispatch.name,
        problem=problem.label if problem else "",
        runs=dispatch.runs,
        seconds=seconds.get(_key_of(dispatch)),
        is_tuned=problem in winners,
        footprint=Footprint.of(problem) if problem else None,
    )


def _key_of(dispatch: Dispatch) -> Problem | str:
    """What dispatches that take the same time share: their problem. One without stands for itself."""
    return dispatch.problem or dispatch.name


@dataclass(frozen=True, slots=True)
class _Alone:
    """Compiles dispatches as the compiler configures them, and times each alone."""

    bench: Workbench
    reserve_s: float

    def times(self, dispatches: Sequence[Dispatch], known: Seconds, name: str) -> Seconds:
        """Seconds of one run of each dispatch, as far as they can be timed while the budget lasts.

        `known`: those that are not timed again. `name`: of their binaries.
        """
        seconds: dict[Problem | str, float] = dict(known)
        left = {
            _key_of(dispatch): dispatch
            for dispatch in reversed(dispatches)
            if dispatch.program is not None and dispatch.runs and _key_of(dispatch) not in seconds
        }
        waiting = list(reversed(left.values()))
        if waiting and self._has_time(0.0):
            self.bench.listen(PhaseStarted(f"where the time goes: timing {len(waiting)} dispatches alone"))
        group_s = 0.0
        for first in range(0, len(waiting), self.bench.batch):
            if not self._has_time(group_s):
                break
            started_s = self.bench.budget.clock()
            group = waiting[first : first + self.bench.batch]
            compiled = self.bench.compilers.compile([self._job(dispatch, name) for dispatch in group])
            for dispatch, compilation in zip(group, compiled, strict=True):
                if not self._has_time(0.0):
                    break
                found_s = self._time(dispatch, compilation)
                if found_s is not None:
                    seconds[_key_of(dispatch)] = found_s
            group_s = self.bench.budget.clock() - started_s
        return seconds

    def _has_time(self, group_s: float) -> bool:
        return self.bench.budget.left_s - self.reserve_s > group_s

    def _job(self, dispatch: Dispatch, name: str) -> CompileJob:
        place = self.bench.folder.path / "candidates" / dispatch.name
        assert dispatch.program is not None
        return CompileJob(
            program=dispatch.program,
            identity=dispatch.name,
            candidate=DEFAULT,
            target=self.bench.target,
            binary=place / f"{name}.vmfb",
            log=place / f"{name}.log",
        )

    def _time(self, dispatch: Dispatch, compilation: Compilation) -> float | None:
        """Seconds of one run; None if the compiler's own default does not run. Raises DeviceLostError."""
        if dispatch.program is None or compilation.binary is None:
            return None
        return time_alone(self.bench.runner, dispatch.program, compilation.binary)

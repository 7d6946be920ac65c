# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search for data races in the winners of a run: in all at once, for it takes seconds of which most are waiting.

A winner with hazards that its default lacks does not win.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from tuner.errors import MeasurementError
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import Final
from tuner.evaluate.programs import runnable
from tuner.evaluate.scrutiny import RACES_S, fault_in
from tuner.events import FinalistChecked, PhaseStarted
from tuner.measuring import ProgramSource, Runner
from tuner.measuring.racecheck import NO_TIME, RaceCheck
from tuner.outcome import Compilation
from tuner.tuning.dispatch_search import DispatchSearch
from tuner.tuning.result import DispatchResult
from tuner.tuning.workbench import Workbench

# With fewer seconds none is started: the quickest took three.
_LEAST_S = 4.0


def without_races(
    bench: Workbench, searches: Mapping[str, DispatchSearch], results: Mapping[str, DispatchResult], budget: Budget
) -> dict[str, DispatchResult]:
    """The results that change, by dispatch: what the search found, in as much time as the budget has left."""
    finals = {name: final for name, result in results.items() if name in searches and (final := _waiting(result))}
    limit_s = min(RACES_S, budget.left_s)
    if not finals or limit_s < _LEAST_S or bench.stop():
        return {}
    bench.listen(PhaseStarted(f"data races in the winners: {len(finals)}"))

    def found_in(compilations: Mapping[str, Compilation]) -> dict[str, RaceCheck]:
        sources = {
            name: runnable(searches[name].task.program, compilation.binary)
            for name, compilation in compilations.items()
            if compilation.binary is not None
        }
        return _found_in(bench.runner, sources, limit_s) if sources else {}

    found = found_in({name: final.evaluation.compilation for name, final in finals.items()})
    of_defaults = found_in({name: _default(results[name]) for name, races in found.items() if races.errors})
    changed: dict[str, DispatchResult] = {}
    for name, races in found.items():
        final = replace(finals[name], races=races)
        fault = fault_in(races, of_defaults.get(name, RaceCheck(not_run=NO_TIME)))
        bench.listen(FinalistChecked(name, final.evaluation.candidate.number, str(races)))
        changed[name] = searches[name].refuted(final, fault) if fault else replace(results[name], final=final)
    return changed


def _waiting(result: DispatchResult) -> Final | None:
    """The final of a winner that was not searched for races yet."""
    final = result.final
    return final if final is not None and final.accepted and final.races == RaceCheck(not_run=NO_TIME) else None


def _default(result: DispatchResult) -> Compilation:
    """What the winner was compared with."""
    return (result.stand_in or result.evaluations[0]).compilation


def _found_in(runner: Runner, sources: Mapping[str, ProgramSource], limit_s: float) -> dict[str, RaceCheck]:
    """What the search finds in each program, or why it could not be made."""
    try:
        for name, source in sources.items():
            runner.load(name, source)
        return dict(zip(sources, runner.find_races(*sources, limit_s=limit_s), strict=True))
    except MeasurementError as error:
        return dict.fromkeys(sources, RaceCheck(not_run=str(error)))
    finally:
        # A process that died has nothing loaded.
        with suppress(MeasurementError):
            for name in sources:
                runner.unload(name)

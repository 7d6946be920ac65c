# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The winners of a run are searched for data races at its end, all at once; by replay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tuner.dispatch import Dispatch
from tuner.events import Event, FinalistFailed, PhaseStarted
from tuner.measuring.calls import Call, FindRaces
from tuner.measuring.racecheck import NO_RACES, NO_TIME, RaceCheck
from tuner.outcome import Fate
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import DEVICE, Behaviour, Clock, Replay
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.result import DispatchResult

T = TypeVar("T")
LIMITS = Limits(vector_bytes=64, threads=1)
NVIDIA = replace(DEVICE, may_race=True, has_racecheck=True)


def product(name: str, size: int) -> Dispatch:
    loops = [("m", size), ("n", 2 * size), ("k", size)]
    return replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), name)


@dataclass(frozen=True)
class Racing:
    """Made-up times; all candidates of a dispatch have these hazards, the default those of `default`."""

    races: Mapping[str, RaceCheck]
    default: RaceCheck = NO_RACES

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        known = MadeUp().behaviour(dispatch, choice)
        races = self.default if choice == "default" else self.races.get(dispatch, NO_RACES)
        return None if known is None else replace(known, races=races)


@dataclass
class Ended:
    results: list[DispatchResult]
    events: list[Event]
    asked: list[FindRaces] = field(default_factory=list)


def ended(
    folder: Path,
    racing: Racing,
    monkeypatch: pytest.MonkeyPatch,
    budget_s: float | None = None,
    pause_s: float = 0.0,
    trials: int = 12,
) -> Ended:
    asked: list[FindRaces] = []
    answer = Replay.ask

    def ask(self: Replay, call: Call[T], *, timeout_s: float) -> T:
        if isinstance(call, FindRaces):
            asked.append(call)
        return answer(self, call, timeout_s=timeout_s)

    monkeypatch.setattr(Replay, "ask", ask)
    events: list[Event] = []
    machines = ReplayMachines.of(racing, noise=0.002, pause_s=pause_s, clock=Clock(), device=NVIDIA)
    with workbench(folder / "run", machines, listen=events.append, trials=trials, budget_s=budget_s) as bench:
        results = tune_dispatches(bench, [product("one", 64), product("two", 96)], LIMITS, bench.budget)
    return Ended(results, events, asked)


def races_of(results: Sequence[DispatchResult]) -> list[str]:
    return [str(result.final.races) for result in results if result.final is not None]


@pytest.mark.parametrize("budget_s", [None, 200.0])
def test_all_winners_are_searched_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget_s: float | None
) -> None:
    run = ended(tmp_path, Racing({"two": RaceCheck(0, 2)}), monkeypatch, budget_s, pause_s=0.01)
    assert [result.winner is not None for result in run.results] == [True, True]
    assert races_of(run.results) == ["racecheck: no hazards", "racecheck: 2 warnings"]
    assert [sorted(call.keys) for call in run.asked] == [["one", "two"]]
    assert PhaseStarted("data races in the winners: 2") in run.events


def test_a_winner_with_hazards_that_the_default_lacks_does_not_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended(tmp_path, Racing({"two": RaceCheck(3)}), monkeypatch)
    one, two = run.results
    assert one.winner is not None
    assert two.winner is None
    fault = "racecheck: 3 errors; for the default, racecheck: no hazards"
    assert two.verdict == f"the default stays: its best candidate is wrong ({fault})"
    (failed,) = [event for event in run.events if isinstance(event, FinalistFailed)]
    assert (failed.dispatch, failed.evaluation.fate, failed.evaluation.detail) == ("two", Fate.WRONG_RESULT, fault)
    # The default is asked only because of the hazards.
    assert [call.keys for call in run.asked[1:]] == [("two",)]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["detail"] for line in lines if line.get("event") == "finalist failed"] == [fault]


def test_hazards_that_the_default_has_too_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ended(tmp_path, Racing({"two": RaceCheck(3)}, RaceCheck(1)), monkeypatch)
    assert [result.winner is not None for result in run.results] == [True, True]
    assert races_of(run.results) == ["racecheck: no hazards", "racecheck: 3 errors"]


def test_without_time_no_race_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ended(tmp_path, Racing({"two": RaceCheck(3)}), monkeypatch, budget_s=20.0, pause_s=0.05, trials=500)
    assert not run.asked
    assert any(result.winner for result in run.results)
    assert set(races_of([result for result in run.results if result.winner])) == {f"racecheck not run ({NO_TIME})"}

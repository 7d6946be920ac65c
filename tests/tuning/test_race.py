# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two choices of flags in a race, on machines that replay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatch import Dispatch
from tuner.events import CandidateEnded, Event, Note
from tuner.runs.folder import Aside
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour, Clock
from tuner.tuning.dispatches import search_field, start_field
from tuner.tuning.race import Contender, is_overtaken, possible_s
from tuner.tuning.workbench import Workbench

LIMITS = Limits(vector_bytes=64, threads=1)


def product(name: str, size: int) -> Dispatch:
    loops = [("m", size), ("n", 2 * size), ("k", size)]
    return replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), name)


@dataclass(frozen=True)
class Tunable:
    """Each dispatch takes `default_s`; its candidates take from a part of it, `least`, up to twice that part."""

    default_s: dict[str, float]
    least: dict[str, float]

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        made_up = MadeUp(1.0).behaviour(dispatch, choice).time_s
        part = 1.0 if choice == "default" else self.least[dispatch] * (0.75 + made_up)
        return Behaviour(self.default_s[dispatch] * part)


@dataclass
class Race:
    """The bench, what it reported, and the two contenders: the first untuned 10 ms, the rival 12 ms."""

    bench: Workbench
    events: list[Event]
    first: Contender
    rival: Contender

    @property
    def asked(self) -> list[str]:
        return asked_of(self.events)


def asked_of(events: Sequence[Event]) -> list[str]:
    """The dispatches whose candidates ended, in order, defaults left out."""
    return [
        event.dispatch
        for event in events
        if isinstance(event, CandidateEnded) and not event.evaluation.candidate.is_default
    ]


@contextmanager
def race_of(
    folder: Path,
    least: dict[str, float],
    budget_s: float | None = 100.0,
    stopped_after: int | None = None,
    slow: float = 1.0,
    theirs_s: float = 11e-3,
    our_size: int = 64,
) -> Iterator[Race]:
    """`stopped_after`: candidates after which the run is stopped. `slow`: how many times as long all takes.

    `theirs_s`: seconds of the rival's dispatch. The rest of its model takes 1 ms. `our_size`: loops of the first one's
    dispatch; the rival's have 64.
    """
    known = Tunable({"ours": slow * 9e-3, "theirs": slow * theirs_s}, least)
    machines = ReplayMachines.of(known, noise=0.001, pause_s=0.05, clock=Clock())
    events: list[Event] = []

    def stop() -> bool:
        return stopped_after is not None and len(asked_of(events)) >= stopped_after

    with workbench(folder / "run", machines, listen=events.append, trials=60, budget_s=budget_s, stop=stop) as bench:
        aside = replace(bench, folder=Aside.of(bench.folder, "rival"))
        first = start_field(bench, [product("ours", our_size)], LIMITS, bench.budget)
        rival = start_field(aside, [product("theirs", 64)], LIMITS, bench.budget)
        untuned_s = slow * (theirs_s + 1e-3)
        yield Race(bench, events, Contender("a=on", slow * 10e-3, first), Contender("b=on", untuned_s, rival))


@pytest.mark.parametrize("budget_s", [100.0, None])
def test_a_rival_whose_dispatches_have_more_to_gain_overtakes(tmp_path: Path, budget_s: float | None) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}, budget_s) as race:
        assert is_overtaken(race.first, race.rival, race.bench.budget)
        assert race.asked.count("ours") > 4
        assert race.asked.count("theirs") > 4
        assert race.rival.expected_s < race.first.expected_s
        (note,) = [event.text for event in race.events if isinstance(event, Note)]
        assert note.endswith("ms with a=on; the search continues with the former")


@pytest.mark.parametrize("budget_s", [100.0, None])
def test_a_rival_far_behind_is_raced_if_a_few_candidates_bring_it_near(tmp_path: Path, budget_s: float | None) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.05}, budget_s, theirs_s=99e-3) as race:
        assert is_overtaken(race.first, race.rival, race.bench.budget)
        assert race.asked.count("ours") > 4


def test_a_rival_far_behind_is_looked_at_whatever_the_usual_rates_are(tmp_path: Path) -> None:
    """Loops of the first one's dispatch may go over tiles, so that its rates are not those of what it computes."""
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.02}, theirs_s=90e-3, our_size=8) as race:
        assert possible_s(race.first, race.rival)[1] > race.first.untuned_s
        assert is_overtaken(race.first, race.rival, race.bench.budget)
        assert race.asked[:2] == ["theirs", "theirs"]


def test_a_rival_far_behind_that_stays_there_costs_a_few_candidates(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.7}, theirs_s=99e-3) as race:
        assert not is_overtaken(race.first, race.rival, race.bench.budget)
        assert race.asked == ["theirs"] * 2
        (note,) = [event.text for event in race.events if isinstance(event, Note)]
        assert note == "The model with b=on stays too far behind; the search continues with a=on"


def test_a_rival_far_behind_that_there_is_no_time_for_stays_behind(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.05}, budget_s=10.0, slow=10.0, theirs_s=99e-3) as race:
        assert race.rival.field.searches[0].candidate_s > 0.8 * race.bench.budget.left_s
        assert not is_overtaken(race.first, race.rival, race.bench.budget)
        (note,) = [event.text for event in race.events if isinstance(event, Note)]
        assert note == "No time is left to try a candidate with b=on; the search continues with a=on"


def test_a_rival_that_gains_as_much_stays_behind(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.5, "theirs": 0.5}) as race:
        assert not is_overtaken(race.first, race.rival, race.bench.budget)


def test_defaults_that_were_timed_too_slow_promise_no_more_than_the_model_takes(tmp_path: Path) -> None:
    """On a busy host a dispatch of 4 us was once timed as 125, so that more was saved than the model takes."""
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}) as race:
        wrong = replace(race.rival, untuned_s=1e-3)
        is_overtaken(race.first, wrong, race.bench.budget)
        saved_s = sum(search.saving_s for search in wrong.field.searches)
        assert saved_s > wrong.untuned_s
        assert wrong.expected_s == pytest.approx(wrong.untuned_s * (1 - saved_s / wrong.field.default_s))
        assert 0 < wrong.expected_s < wrong.untuned_s


def test_a_race_that_is_stopped_is_won_by_the_chosen_flags(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}, stopped_after=3) as race:
        assert not is_overtaken(race.first, race.rival, race.bench.budget)
        assert 3 <= len(race.asked) <= 4


def test_a_rival_that_the_machines_usual_rates_cannot_bring_ahead_is_not_searched(tmp_path: Path) -> None:
    """Both do the same work, so that of the rival could take as long as ours at best; the rest takes 3 ms more."""
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}) as race:
        late = replace(race.rival, untuned_s=15e-3)
        assert not is_overtaken(race.first, late, race.bench.budget)
        assert race.asked == []


def test_the_race_takes_a_part_of_the_time(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}) as race:
        before_s = race.bench.budget.left_s
        is_overtaken(race.first, race.rival, race.bench.budget)
        assert 0.05 * before_s < before_s - race.bench.budget.left_s < 0.4 * before_s


def test_each_has_candidates_though_a_turn_is_shorter_than_one_takes(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.1}, budget_s=25.0, slow=30.0) as race:
        left_s = race.bench.budget.left_s
        turn_s = 0.15 * left_s / 2
        assert all(contender.field.searches[0].candidate_s > turn_s for contender in (race.first, race.rival))
        assert is_overtaken(race.first, race.rival, race.bench.budget)
        assert 1 <= race.asked.count("theirs") <= 2
        assert left_s - race.bench.budget.left_s < 0.6 * left_s


def test_a_rival_that_there_is_no_time_for_stays_behind(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.1}, budget_s=10.0, slow=30.0) as race:
        assert race.rival.field.searches[0].candidate_s > 0.3 * race.bench.budget.left_s
        assert not is_overtaken(race.first, race.rival, race.bench.budget)
        assert race.asked == []


def test_the_winner_goes_on_and_alone_is_in_the_log(tmp_path: Path) -> None:
    with race_of(tmp_path, {"ours": 0.9, "theirs": 0.3}) as race:
        folder = race.rival.field.bench.folder
        assert isinstance(folder, Aside)
        assert is_overtaken(race.first, race.rival, race.bench.budget)
        tried = race.asked.count("theirs")
        folder.take_over()
        (result,) = search_field(race.rival.field, race.bench.budget)
        assert result.winner is not None
        assert len(result.evaluations) > tried + 1
        run = race.bench.folder
        logged, dropped = (
            [json.loads(line) for line in path.read_text().splitlines()] for path in (run.log, run.overtaken)
        )
        numbers = [record["candidate"] for record in logged if record.get("dispatch") == "theirs"]
        assert numbers == list(range(len(result.evaluations)))
        assert {record.get("dispatch") for record in dropped} == {"ours"}
        assert "ours" not in {record.get("dispatch") for record in logged}

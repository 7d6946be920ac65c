# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The searches of a model's dispatches, on machines that replay: no compiler runs and nothing is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatch import Dispatch
from tuner.errors import DeviceLostError
from tuner.events import CandidateEnded, Disturbance, Event, Note, PhaseStarted, SearchPlanned
from tuner.options import Options
from tuner.outcome import Fate
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp, Recording
from tuner.testing.replay import Behaviour, Clock, Course
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.experience import Experience
from tuner.tuning.result import DispatchResult

LIMITS = Limits(vector_bytes=64, threads=1)


def product(name: str, size: int = 64, *, runs: int = 1) -> Dispatch:
    loops = [("m", size), ("n", 2 * size), ("k", size)]
    return replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), name, runs=runs)


@dataclass(frozen=True)
class Weighted:
    """Made-up times, by the dispatch: the default's seconds, and the least part of it that a candidate takes."""

    default_s: dict[str, float]
    least: dict[str, float]

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        made_up = MadeUp(1.0).behaviour(dispatch, choice).time_s
        part = 1.0 if choice == "default" else self.least[dispatch] + (1.0 - self.least[dispatch]) * made_up
        return Behaviour(self.default_s[dispatch] * part)


@dataclass(frozen=True)
class Altered:
    """Another recording, with single candidates changed; `change` gets the dispatch, the choice and what was known."""

    recording: Recording
    change: Callable[[str, Any, Behaviour], Behaviour | None]

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        known = self.recording.behaviour(dispatch, choice)
        return None if known is None else self.change(dispatch, choice, known)


def tuned(
    folder: Path, machines: ReplayMachines, dispatches: Sequence[Dispatch], **options: Any
) -> tuple[list[DispatchResult], list[Event]]:
    events: list[Event] = []
    with workbench(folder / "run", machines, listen=events.append, **options) as bench:
        return tune_dispatches(bench, dispatches, LIMITS, bench.budget), events


def asked_of(events: Sequence[Event]) -> list[str]:
    """The dispatches whose candidates ended, in order, defaults left out."""
    return [
        event.dispatch
        for event in events
        if isinstance(event, CandidateEnded) and not event.evaluation.candidate.is_default
    ]


def notes(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note | Disturbance)]


def test_the_fastest_candidate_wins(tmp_path: Path) -> None:
    ((result,), events) = tuned(tmp_path, ReplayMachines.of(MadeUp(), noise=0.002), [product("mine")], trials=30)
    assert len(result.evaluations) == 31
    fastest = min(result.evaluations, key=lambda evaluation: evaluation.time_s or 1.0)
    assert result.winner is not None
    assert result.winner.candidate == fastest.candidate
    assert result.final is not None
    assert result.final.ratio.low > 1.5
    assert asked_of(events) == ["mine"] * 30


def test_a_default_that_is_best_stays(tmp_path: Path) -> None:
    slower = Weighted({"mine": 1e-3}, {"mine": 1.0})
    ((result,), _) = tuned(tmp_path, ReplayMachines.of(slower, noise=0.002), [product("mine")])
    assert result.winner is None
    assert "default" in result.verdict


@pytest.mark.parametrize(
    ("course", "fate"),
    [
        (Course.WRONG, Fate.WRONG_RESULT),
        (Course.CRASH, Fate.RUN_FAILED),
        (Course.HANG, Fate.TIMED_OUT),
        (Course.NOT_LOADABLE, Fate.RUN_FAILED),
    ],
)
def test_a_candidate_that_fails_costs_itself_alone(tmp_path: Path, course: Course, fate: Fate) -> None:
    """Every candidate that would be fast fails; the best of the others wins."""

    def change(_: str, choice: Any, known: Behaviour) -> Behaviour:
        is_spoilt = choice != "default" and known.time_s < 2e-3
        return Behaviour(known.time_s, course=course) if is_spoilt else known

    machines = ReplayMachines.of(Altered(MadeUp(4e-3), change), noise=0.002)
    ((result,), _) = tuned(tmp_path, machines, [product("mine")], trials=40)
    fates = {evaluation.fate for evaluation in result.evaluations}
    assert fates == {Fate.MEASURED, fate}
    assert result.winner is not None
    assert result.winner.time_s is not None
    assert result.winner.time_s >= 2e-3 * 0.98


def test_candidates_that_do_not_compile_are_not_measured(tmp_path: Path) -> None:
    def change(_: str, choice: Any, known: Behaviour) -> Behaviour | None:
        return None if choice != "default" and known.time_s < 2e-3 else known

    machines = ReplayMachines.of(Altered(MadeUp(4e-3), change))
    ((result,), _) = tuned(tmp_path, machines, [product("mine")], trials=40)
    failed = [evaluation for evaluation in result.evaluations if evaluation.fate is Fate.COMPILE_FAILED]
    assert failed
    assert all(evaluation.time_s is None for evaluation in failed)


def test_a_default_that_does_not_run_is_left_alone_and_the_others_are_tuned(tmp_path: Path) -> None:
    def change(dispatch: str, choice: Any, known: Behaviour) -> Behaviour:
        is_spoilt = dispatch == "broken" and choice == "default"
        return Behaviour(known.time_s, course=Course.NOT_LOADABLE) if is_spoilt else known

    machines = ReplayMachines.of(Altered(MadeUp(), change))
    broken, mine = tuned(tmp_path, machines, [product("broken", 32), product("mine")])[0]
    assert broken.winner is None
    assert broken.verdict.startswith("not tunable")
    assert mine.winner is not None


@dataclass(frozen=True)
class OneIsFast:
    """In every dispatch one candidate alone is faster than the default: that with these tiles of workgroups."""

    distribution: tuple[int, ...]

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        del dispatch
        is_fast = choice != "default" and tuple(choice["levels"]["distribution"]) == self.distribution
        return Behaviour(1e-3 if is_fast else 4e-3)


def tiles_tried(events: Sequence[Event], dispatch: str) -> list[tuple[int, ...]]:
    return [
        tuple(event.evaluation.candidate.choice["levels"]["distribution"])
        for event in events
        if isinstance(event, CandidateEnded)
        and event.dispatch == dispatch
        and not event.evaluation.candidate.is_default
    ]


@pytest.mark.parametrize(("strategy", "is_first"), [("local", True), ("random", False)])
def test_what_wins_in_one_dispatch_is_tried_first_in_the_next(tmp_path: Path, strategy: str, is_first: bool) -> None:
    """Random search learns nothing: its questions do not depend on answers."""
    dispatches = [product("first", 64), product("second", 96)]
    (tmp_path / "alone").mkdir()
    alone = tuned(tmp_path / "alone", ReplayMachines.of(MadeUp()), dispatches[:1], trials=12, strategy=strategy)[1]
    # The first ones depend on no answer.
    tiles = tiles_tried(alone, "first")[3]
    # A tile that is a whole loop is one in the next dispatch, too.
    there = tuple(tile * 3 // 2 if tile == size else tile for tile, size in zip(tiles, (64, 128, 64), strict=True))
    machines = ReplayMachines.of(OneIsFast(tiles))
    results, events = tuned(tmp_path, machines, dispatches, trials=12, strategy=strategy)
    assert tiles in tiles_tried(events, "first")
    assert results[0].winner is not None
    assert (tiles_tried(events, "second")[0] == there) == is_first


def test_equal_problems_are_searched_once(tmp_path: Path) -> None:
    first, second = tuned(tmp_path, ReplayMachines.of(MadeUp()), [product("first"), product("second")])[0]
    assert first.winner is not None
    assert second.winner is None
    assert second.evaluations == ()
    assert "first" in second.verdict


def test_with_a_budget_the_candidates_go_where_the_models_time_is(tmp_path: Path) -> None:
    """The dispatch that takes nine tenths of the model's time gets most candidates, one without time gets none."""
    known = Weighted({"large": 9e-3, "small": 1e-3, "tiny": 5e-6}, {"large": 0.5, "small": 0.5, "tiny": 0.5})
    dispatches = [product("small", 32), product("large", 64), product("tiny", 16)]
    machines = ReplayMachines.of(known, noise=0.002, pause_s=1e-3)
    results, events = tuned(tmp_path, machines, dispatches, trials=300, budget_s=3.0)
    asked = asked_of(events)
    assert asked.count("large") > asked.count("small")
    assert asked.count("tiny") == 0
    assert asked[0] == "large"
    (planned,) = [event for event in events if isinstance(event, SearchPlanned)]
    assert planned.dispatches == 2
    by_name = {result.dispatch.name: result for result in results}
    assert by_name["tiny"].verdict == "left alone: it takes less than 0.1% of the time"
    assert by_name["large"].winner is not None


def test_a_dispatch_that_runs_often_counts_as_often(tmp_path: Path) -> None:
    known = Weighted({"once": 1e-3, "often": 1e-3}, {"once": 0.5, "often": 0.5})
    dispatches = [product("once", 32), product("often", 64, runs=20)]
    machines = ReplayMachines.of(known, noise=0.002, pause_s=1e-3)
    asked = asked_of(tuned(tmp_path, machines, dispatches, trials=300, budget_s=3.0)[1])
    assert asked[0] == "often"
    assert asked.count("often") > asked.count("once")


def test_a_budget_that_ends_before_the_defaults_are_timed_leaves_the_rest_alone(tmp_path: Path) -> None:
    """The smallest are left: the largest are timed first."""
    sizes = (16, 24, 32, 40, 48, 56, 64, 72)
    dispatches = [product(f"dispatch {size}", size) for size in sizes]
    machines = ReplayMachines.of(MadeUp(), pause_s=0.05, clock=Clock())
    results, _ = tuned(tmp_path, machines, dispatches, trials=20, budget_s=1.0)
    is_left = [result.verdict == "left alone: the budget ended before its default was timed" for result in results]
    assert is_left[0]
    assert not is_left[-1]
    assert is_left == sorted(is_left, reverse=True)
    assert any(result.evaluations for result in results)


def test_a_budget_that_ends_before_a_final_leaves_the_default_and_says_so(tmp_path: Path) -> None:
    """The budget ends as soon as both dispatches have candidates that are faster than their defaults."""
    known = Weighted({"large": 9e-3, "small": 8e-3}, {"large": 0.1, "small": 0.1})
    faster: set[str] = set()

    def listen(event: Event) -> None:
        if isinstance(event, CandidateEnded) and (event.evaluation.speedup or 0.0) > 1.1:
            faster.add(event.dispatch)
            time.sleep(max(0.0, bench.budget.left_s) if len(faster) == 2 else 0.0)

    machines = ReplayMachines.of(known, noise=0.002)
    with workbench(tmp_path / "run", machines, listen=listen, budget_s=4.0, trials=40) as bench:
        results = tune_dispatches(bench, [product("large"), product("small", 32)], LIMITS, bench.budget)
    # The very first final is never left out.
    first, second = sorted(results, key=lambda result: result.final is None)
    assert first.final is not None
    assert bench.finished[first.dispatch.name] is first
    assert second.final is None
    assert second.verdict == "the default stays: the budget ended before its final"


def test_searches_end_before_their_time_if_nothing_more_is_to_be_gained(tmp_path: Path) -> None:
    machines = ReplayMachines.of(MadeUp(), noise=0.002)
    results, events = tuned(tmp_path, machines, [product("mine")], trials=16, budget_s=60.0)
    assert "the search ends before its time: nothing more is expected to be gained" in notes(events)
    assert results[0].winner is not None


def test_two_devices_share_the_candidates_and_ask_for_the_same(tmp_path: Path) -> None:
    def asked(folder: Path, devices: int) -> list[Any]:
        machines = ReplayMachines.of(MadeUp(), devices=devices)
        ((result,), _) = tuned(folder, machines, [product("mine")], trials=24)
        return [evaluation.candidate.choice for evaluation in result.evaluations]

    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert asked(one, 1) == asked(two, 2)


@pytest.mark.parametrize("after", [1, 10, 24], ids=["in the first batch", "in the search", "after the search"])
def test_a_device_that_is_lost_is_done_without(tmp_path: Path, after: int) -> None:
    machines = ReplayMachines.of(MadeUp(), devices=2, noise=0.002)
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if len(asked_of(events)) >= after:
            machines.replays[0].is_lost = True

    with workbench(tmp_path / "run", machines, listen=listen, trials=24) as bench:
        (result,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
    assert len(result.evaluations) == 25
    assert {evaluation.fate for evaluation in result.evaluations} == {Fate.MEASURED}
    assert result.winner is not None
    assert len([text for text in notes(events) if text.endswith("the run goes on with 1 of 2 devices")]) == 1


@pytest.mark.parametrize("after", [0, 1, 10], ids=["before the default", "in the first batch", "in the search"])
def test_the_last_device_that_is_lost_ends_the_search_and_keeps_what_was_measured(tmp_path: Path, after: int) -> None:
    machines = ReplayMachines.of(MadeUp())
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        is_time = len(asked_of(events)) >= after and (after or isinstance(event, PhaseStarted))
        machines.replays[0].is_lost = machines.replays[0].is_lost or bool(is_time)

    with workbench(tmp_path / "run", machines, listen=listen, trials=24) as bench:
        if after == 0:
            (result,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
            assert result.verdict.startswith("not tunable")
            return
        with pytest.raises(DeviceLostError, match="the device replay is lost"):
            tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
    assert len(asked_of(events)) >= after
    measured = [event for event in events if isinstance(event, CandidateEnded) and event.evaluation.time_s]
    assert len(measured) == 1 + len(asked_of(events))


@pytest.mark.parametrize("devices", [1, 2])
def test_a_device_that_is_lost_in_the_final(tmp_path: Path, devices: int) -> None:
    """Another device holds the final; without one the run ends, and what was measured is in the store."""
    machines = ReplayMachines.of(MadeUp(), devices=devices, noise=0.002)
    finals: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, PhaseStarted) and "best against default" in event.text:
            finals.append(event.text)
            machines.replays[0].is_lost = True

    with workbench(tmp_path / "run", machines, listen=listen, trials=12) as bench:
        if devices == 2:
            (result,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
            assert result.winner is not None
        else:
            with pytest.raises(DeviceLostError, match="the device replay is lost"):
                tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
        # Before the year 9999, that is all.
        assert len(bench.store.measured("9999")) == 12
    assert len(finals) == 1


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    """The second search of the same store asks for the same and measures nothing but its final."""
    calls: list[Any] = []

    def change(_: str, choice: Any, known: Behaviour) -> Behaviour:
        calls.append(choice)
        return known

    machines = ReplayMachines.of(Altered(MadeUp(), change))
    with workbench(tmp_path / "run", machines, trials=12) as bench:
        (first,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
        asked = len(calls)
        (second,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
    assert [e.candidate for e in second.evaluations] == [e.candidate for e in first.evaluations]
    assert [e.time_s for e in second.evaluations[1:]] == [e.time_s for e in first.evaluations[1:]]
    assert len(calls) - asked < asked


def test_a_run_learns_from_its_first_dispatch_and_asks_the_same_when_resumed(tmp_path: Path) -> None:
    """The second of two products begins with what the first one's candidates say. What is resumed measures no more."""
    dispatches = [product("first"), product("second", 96)]
    events: list[Event] = []
    strategy = Options().strategy
    machines = ReplayMachines.of(MadeUp())
    with workbench(tmp_path / "run", machines, listen=events.append, trials=24, strategy=strategy) as bench:
        results = tune_dispatches(bench, dispatches, LIMITS, bench.budget)
        (note,) = [text for text in notes(events) if "similar dispatches" in text]
        measured = [sum(e.time_s is not None for e in result.evaluations[1:]) for result in results]
        assert note == f"second: {measured[0]} timings of similar dispatches say where to start"
        events.clear()
        resumed = replace(bench, experience=Experience.of(bench.store, bench.folder.began))
        again = tune_dispatches(resumed, dispatches, LIMITS, bench.budget)
    ended = [event for event in events if isinstance(event, CandidateEnded)]
    assert [event.stored for event in ended if not event.evaluation.candidate.is_default] == [True] * 48
    assert [[e.candidate for e in result.evaluations] for result in again] == [
        [e.candidate for e in result.evaluations] for result in results
    ]


@pytest.mark.parametrize("budget_s", [None, 60.0], ids=["all candidates", "within a budget"])
def test_a_run_that_is_stopped_has_the_finals_of_what_it_found(tmp_path: Path, budget_s: float | None) -> None:
    """The batch under way ends. A dispatch without candidates is left alone, and the note comes once."""
    machines = ReplayMachines.of(MadeUp(), noise=0.002)
    events: list[Event] = []

    def stop() -> bool:
        return len(asked_of(events)) >= 3

    dispatches = [product("first", 128), product("second", 64)]
    with workbench(tmp_path / "run", machines, listen=events.append, trials=40, budget_s=budget_s, stop=stop) as bench:
        results = tune_dispatches(bench, dispatches, LIMITS, bench.budget)
    searched, other = sorted(results, key=lambda result: -result.tried)
    assert searched.winner is not None
    assert searched.final is not None
    assert searched.final.ratio.low > 1.0
    assert 3 <= searched.tried <= 8
    assert other.verdict == "left alone: the run was stopped before its search"
    assert len([text for text in notes(events) if text.startswith("Stopped: ")]) == 1


def test_a_run_that_is_stopped_at_once_tries_nothing(tmp_path: Path) -> None:
    machines = ReplayMachines.of(MadeUp())
    with workbench(tmp_path / "run", machines, stop=lambda: True) as bench:
        (result,) = tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)
    assert result.evaluations == ()
    assert result.verdict == "left alone: the run was stopped before its default was timed"


def test_an_exception_of_the_callback_ends_the_search(tmp_path: Path) -> None:
    def stop() -> bool:
        raise RuntimeError("the caller's own")

    with (
        workbench(tmp_path / "run", ReplayMachines.of(MadeUp()), stop=stop) as bench,
        pytest.raises(RuntimeError, match="the caller's own"),
    ):
        tune_dispatches(bench, [product("mine")], LIMITS, bench.budget)

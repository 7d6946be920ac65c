# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which dispatch gets the next batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluate.budget import Budget
from tuner.events import Event, Note
from tuner.rates.work import Work
from tuner.tuning.schedule import (
    Batch,
    Finish,
    GiveUp,
    Standing,
    Turn,
    choose,
    expected_gain_s,
    explored,
    in_turn,
    within,
)

FRESH = Standing(default_s=1.0, best=(1.0,), spent_s=0.0, left=100)
# Forty candidates without any gain in the latest of them.
STUCK = Standing(default_s=1.0, best=(1.0, *([2.0] * 40)), spent_s=40.0, left=60)


def test_the_larger_dispatch_comes_first() -> None:
    assert choose([replace(FRESH, default_s=0.1), FRESH], 4, 1.1) == 1


def test_one_that_still_improves_comes_before_one_that_does_not() -> None:
    rising = replace(STUCK, best=tuple(1.0 + index / 20 for index in range(41)))
    assert choose([STUCK, rising], 4, 2.0) == 1
    assert choose([rising, STUCK], 4, 2.0) == 0


def test_equal_gains_go_to_whoever_needs_less_time() -> None:
    assert choose([STUCK, replace(STUCK, spent_s=10.0)], 4, 2.0) == 1


def test_before_the_first_candidate_its_default_says_what_one_takes() -> None:
    """Equal gains: the one whose default was compiled and timed sooner comes first."""
    quick, slow = replace(FRESH, default_took_s=1.0), replace(FRESH, default_took_s=5.0)
    assert choose([slow, quick], 4, 2.0) == 1
    assert choose([quick, slow], 4, 2.0) == 0
    # Candidates of the others take a tenth of their defaults: so will those of the slow one.
    known = replace(STUCK, default_took_s=10.0, spent_s=40.0, best=(1.0, *([1.0] * 40)), fastest=0.9)
    assert choose([known, slow], 4, 2.0) == 1


def test_one_whose_candidates_are_far_slower_than_its_default_is_left_soon() -> None:
    tried = replace(FRESH, best=(1.0,) * 9, spent_s=8.0)
    near, far = replace(tried, fastest=0.95), replace(tried, fastest=0.3)
    assert expected_gain_s(near, 4) > 100 * expected_gain_s(far, 4)
    assert choose([replace(far, fastest=0.1)], 4, 1.0) is None
    # As long as none was measured, nothing is known.
    assert expected_gain_s(tried, 4) > expected_gain_s(near, 4)


def test_one_that_is_far_below_the_usual_rates_comes_first() -> None:
    usual = [replace(FRESH, work=Work(1e9, 1e6))] * 4
    far = replace(FRESH, work=Work(1e8, 1e5))
    assert choose([*usual, far], 4, 5.0) == 4
    assert expected_gain_s(FRESH, 4, 1.0) < expected_gain_s(FRESH, 4) < expected_gain_s(FRESH, 4, 30.0) < 1.0


def test_what_similar_dispatches_gained_is_expected_here() -> None:
    gained, none = replace(FRESH, similar=(3.0, 4.0)), replace(FRESH, similar=(1.0, 1.0, 1.0))
    assert choose([FRESH, gained], 4, 2.0) == 1
    assert choose([none, FRESH], 4, 2.0) == 1
    assert 0.0 < expected_gain_s(none, 4) < expected_gain_s(FRESH, 4) / 2


def test_what_won_in_a_similar_dispatch_is_worth_another_batch() -> None:
    advised = replace(STUCK, advised=6.0)
    assert choose([STUCK, advised], 4, 2.0) == 1
    assert expected_gain_s(replace(STUCK, advised=1.5), 4) == expected_gain_s(STUCK, 4)
    assert expected_gain_s(advised, 4) == pytest.approx(0.25)


def test_an_exhausted_one_gets_nothing() -> None:
    assert expected_gain_s(replace(FRESH, left=0), 4) == 0.0
    assert choose([replace(FRESH, left=0)], 4, 1.0) is None


def test_the_search_ends_where_nothing_is_to_be_gained() -> None:
    long_stuck = replace(STUCK, best=(1.0, *([3.0] * 2000)), left=1000)
    assert choose([long_stuck], 4, 1.0) is None
    assert choose([replace(FRESH, default_s=1e-5)], 4, 1.0) is None


def test_every_dispatch_of_weight_is_tried_before_any_is_tried_long() -> None:
    """Simulated: gains shrink as the model of them says, so the work spreads over equals."""
    standings = [FRESH] * 5
    for _ in range(50):
        index = choose(standings, 4, 5.0)
        assert index is not None
        each = standings[index]
        tried = len(each.best) - 1
        best = (*each.best, *([each.best[-1] * (1 + 0.85 / max(tried, 1) * 0.5)] * 4))
        standings[index] = replace(each, best=best, spent_s=each.spent_s + 4.0, left=each.left - 4)
    counts = [len(each.best) - 1 for each in standings]
    assert min(counts) >= 20, counts


@given(
    st.lists(st.floats(1.0, 10.0), max_size=60),
    st.floats(1e-6, 1.0),
    st.integers(0, 100),
    st.integers(1, 16),
)
def test_a_gain_is_never_more_than_all_the_time(gains: list[float], default_s: float, left: int, batch: int) -> None:
    standing = Standing(default_s, (1.0, *sorted(gains)), 1.0, left)
    assert 0.0 <= expected_gain_s(standing, batch) <= default_s


@pytest.mark.parametrize("batch", [1, 4, 16])
def test_nobody_to_choose_from(batch: int) -> None:
    assert choose([], batch, 1.0) is None


@dataclass
class Simulated:
    """A search of made-up speed-ups, one for each candidate. A candidate takes a second by its own account."""

    name: str
    default_s: float
    speedups: list[float]
    least_final_s: float = 1.0
    best: list[float] = field(default_factory=lambda: [1.0])
    done: list[str] = field(default_factory=list)

    candidate_s = 1.0
    wanted_final_s = 2.0

    @property
    def standing(self) -> Standing:
        tried = len(self.best) - 1
        return Standing(self.default_s, tuple(self.best), float(tried), len(self.speedups) - tried)

    @property
    def saving_s(self) -> float:
        return self.default_s * (1 - 1 / max(self.best))

    def announce(self) -> None:
        self.done.append("announced")

    def rest(self) -> None:
        self.done.append("rested")

    def step(self, count: int) -> None:
        tried = len(self.best) - 1
        self.best += [max(self.best[-1], speedup) for speedup in self.speedups[tried : tried + count]]


def run_through(turns: Iterator[Turn[Simulated]]) -> list[str]:
    """What a schedule asks for: each search's batches, and how it ends."""
    asked = []
    for turn in turns:
        match turn:
            case Batch(search, count):
                search.step(count)
                asked.append(f"{search.name}: {count}")
            case Finish(search, _):
                asked.append(f"{search.name}: final")
            case GiveUp(search, reason):
                asked.append(f"{search.name}: {reason}")
    return asked


def test_without_a_budget_one_search_ends_before_the_next_starts() -> None:
    searches = [Simulated("a", 1.0, [2.0] * 6), Simulated("b", 9.0, [1.0] * 4)]
    assert run_through(in_turn(searches, 4)) == ["a: 4", "a: 4", "a: final", "b: 4", "b: final"]
    assert [search.done for search in searches] == [["announced"], ["announced"]]


def test_within_a_budget_batches_go_where_most_is_gained_and_finals_come_last() -> None:
    heard: list[Event] = []
    searches = [Simulated("small", 1.0, [2.0] * 8), Simulated("large", 10.0, [1.1 + 0.1 * index for index in range(8)])]
    asked = run_through(within(searches, 4, Budget(1000.0), heard.append))
    assert asked[0] == "large: 4"
    assert sorted(asked[:-2]) == ["large: 4", "large: 4", "small: 4", "small: 4"]
    assert asked[-2:] == ["large: final", "small: final"]
    assert [event.text for event in heard if isinstance(event, Note)] == [
        "the search ends before its time: nothing more is expected to be gained"
    ]
    # One that had a turn leaves the measuring processes to the next.
    assert searches[1].done[:2] == ["announced", "rested"]


@pytest.mark.parametrize(("budget_s", "first"), [(100.0, "a: 4"), (5.0, "a: 3"), (1.0, "a: left alone")])
def test_a_budget_keeps_the_time_for_finals(budget_s: float, first: str) -> None:
    """Of 5 s a final gets 1.5: 3 candidates fit into the rest. Of 1 s it needs all."""
    asked = run_through(within([Simulated("a", 1.0, [2.0] * 100)], 4, Budget(budget_s), lambda _: None))
    assert asked[0].startswith(first)


def test_without_time_the_best_alone_gets_a_final_and_others_a_reason() -> None:
    fast, faster = Simulated("fast", 1.0, [2.0] * 4), Simulated("faster", 1.0, [4.0] * 4)
    slow, untried = Simulated("slow", 1.0, [0.5] * 4), Simulated("untried", 1.0, [2.0] * 4)
    for search in (fast, faster, slow):
        search.step(4)
    asked = run_through(within([fast, faster, slow, untried], 4, Budget(0.0), lambda _: None))
    assert asked == [
        "slow: the default stays: none of 4 candidates was faster in the search",
        "untried: left alone: the time went to dispatches with more to be gained",
        "faster: final",
        "fast: the default stays: the budget ended before its final",
    ]


def test_of_no_search_there_are_no_turns() -> None:
    heard: list[Event] = []
    assert run_through(in_turn([], 4)) == run_through(within([], 4, Budget(1.0), heard.append)) == []
    assert heard == []


def test_a_schedule_that_is_stopped_goes_on_to_the_finals() -> None:
    """Of what found something: the others get a reason, and nothing is announced any more."""
    found, none = Simulated("found", 1.0, [2.0] * 8), Simulated("none", 1.0, [0.5] * 8)
    none.step(4)
    untried = Simulated("untried", 1.0, [2.0] * 8)

    def stop() -> bool:
        return len(found.best) > 4

    ends = ["none: the default stays: none of 4 candidates was faster in the search"]
    ends.append("untried: left alone: the run was stopped before its search")
    assert run_through(in_turn([found, none, untried], 4, stop)) == ["found: 4", "found: final", *ends]
    assert none.done == untried.done == []
    found.best = [1.0]
    large = replace(found, default_s=10.0)
    asked = run_through(within([large, none, untried], 4, Budget(100.0), lambda _: None, lambda: len(large.best) > 4))
    assert asked == ["found: 4", *ends, "found: final"]


def test_a_search_rests_when_nothing_more_is_to_be_gained() -> None:
    """Its programs would stay loaded in the process that another choice of flags measures in."""
    search = Simulated("only", 1.0, [2.0] * 4)
    for batch in explored([search], 4, Budget(100.0)):
        batch.search.step(batch.count)
    assert search.done == ["announced", "rested"]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is kept of a budget for the choice of flags, the finals and the proof."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluate.budget import Budget
from tuner.tuning.reserve import ModelCosts, beginning, finals_s, first_final_s, flags_s, ops_s, proof_s

SECONDS = st.floats(1e-4, 1e3)
COSTS = st.builds(
    lambda compile_s, more_s, load_s, run_s, only_late: ModelCosts(
        compile_s, compile_s + more_s, load_s + run_s, run_s, only_late
    ),
    *[SECONDS] * 4,
    st.booleans(),
)
# The least that a final takes, and what it takes beyond that if nothing shortens it.
FINALS = st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=12)
SMALL = ModelCosts(compile_s=1.0, unthreaded_s=2.0, load_s=0.05, run_s=0.004)


@given(COSTS, st.floats(1.0, 100.0))
def test_flags_need_a_second_comparison_and_what_they_gain_makes_it_shorter(costs: ModelCosts, speedup: float) -> None:
    assert costs.proof_s() < costs.proof_s(1.0)
    assert costs.proof_s(speedup) <= costs.proof_s(1.0)


@given(COSTS, SECONDS)
def test_little_is_kept_to_find_out_which_entries_do_not_pay(costs: ModelCosts, whole_s: float) -> None:
    assert costs.proof_s() < proof_s(whole_s, costs, None) <= 1.2 * costs.proof_s() + 0.04 * whole_s


@given(COSTS)
def test_a_comparison_has_time_for_ten_rounds(costs: ModelCosts) -> None:
    assert costs.comparison_s() >= 20 * costs.run_s + costs.load_s
    assert costs.proof_s() >= costs.comparison_s() + 1.4 * costs.compile_s


@given(st.floats(-100.0, 1e4), SECONDS, SECONDS)
def test_flags_never_take_most_of_what_is_left(left_s: float, choice_s: float, end_s: float) -> None:
    assert 0.0 <= flags_s(left_s, choice_s, end_s) <= max(0.0, 0.6 * left_s)
    assert flags_s(left_s, choice_s, end_s) >= min(0.25 * left_s, end_s + choice_s)


@given(SECONDS, FINALS)
def test_finals_are_kept_what_the_first_of_them_needs_and_no_more_than_they_want(
    whole_s: float, finals: list[tuple[float, float]]
) -> None:
    least = [each for each, _ in finals]
    wanted = [each + more for each, more in finals]
    kept = finals_s(whole_s, least, wanted)
    assert max(least) <= kept <= sum(wanted)
    assert kept <= max(0.5 * whole_s, max(least))


def test_nothing_is_kept_for_no_final() -> None:
    assert finals_s(10.0, [], []) == 0.0


@given(st.floats(-10.0, 1e4), st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=12))
def test_finals_one_after_the_other_end_in_their_time(left_s: float, finals: list[tuple[float, float]]) -> None:
    """Each takes all that it is given; whoever does not fit is left out."""
    finals.sort(key=lambda each: -each[1])
    end_s = left_s
    for index in range(len(finals)):
        waiting = finals[index:]
        time_s = first_final_s(left_s, [each for each, _ in waiting], [saving for _, saving in waiting])
        assert (time_s is None) == (waiting[0][0] > left_s)
        if time_s is not None:
            assert time_s >= waiting[0][0] - 1e-9
            left_s -= time_s
    assert left_s >= min(0.0, end_s) - 1e-6


def test_what_a_final_saves_decides_how_long_it_may_take() -> None:
    assert first_final_s(10.0, [1.0, 1.0], [3.0, 1.0]) == pytest.approx(1.0 + 8.0 * 3 / 4)
    assert first_final_s(10.0, [1.0, 100.0], [3.0, 1.0]) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("seconds", "spent_s", "costs", "short"),
    [
        (60.0, 3.0, SMALL, False),
        (59.0, 3.0, SMALL, True),
        (600.0, 3.0, ModelCosts(130.0, 130.0, 1.0, 0.01), True),
        (100.0, 3.0, ModelCosts(1.0, 1.0, 5.0, 5.0), True),
    ],
)
def test_a_budget_that_may_not_be_kept_is_said_to_be_short(
    seconds: float, spent_s: float, costs: ModelCosts, short: bool
) -> None:
    _, said = beginning(Budget(seconds, time.monotonic() - spent_s), costs, 0.5)
    assert bool(said) == short
    if short:
        assert said.startswith(f"A budget of {seconds:.0f} s is short: ")


@given(COSTS, st.floats(1.0, 1e5), st.floats(0.0, 100.0), st.floats(0.0, 10.0))
def test_only_a_short_budget_becomes_longer(costs: ModelCosts, seconds: float, spent_s: float, start_s: float) -> None:
    began = time.monotonic() - spent_s
    kept, said = beginning(Budget(seconds, began), costs, start_s)
    assert kept.seconds is not None
    assert kept.started_s == began
    if seconds >= 60 and seconds >= 5 * costs.compile_s:
        assert kept.seconds == pytest.approx(seconds - max(1.0, start_s))
    else:
        assert kept.seconds >= spent_s + costs.proof_s() + costs.comparison_s()
        assert kept.seconds >= seconds - max(1.0, start_s)
        assert "this run will probably take at least" in said


def test_no_budget_stays_none() -> None:
    kept, said = beginning(Budget(), SMALL, 0.5)
    assert not kept.is_limited
    assert said == ""


@pytest.mark.parametrize(("first_s", "expected_s"), [(10.0, 30.0), (50.0, 50.0), (90.0, 75.0)])
def test_choices_for_ops_get_time_for_one_set(first_s: float, expected_s: float) -> None:
    assert ops_s(100.0, first_s) == expected_s

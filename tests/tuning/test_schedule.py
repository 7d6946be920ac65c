# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which dispatch gets the next batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.tuning.schedule import Standing, choose, expected_gain_s

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

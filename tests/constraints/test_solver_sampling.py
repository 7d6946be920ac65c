# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples by z3 lie inside the space, differ, reach all of it, and a pool says whether it is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.constraints import (
    ConstraintError,
    Knob,
    Rule,
    Space,
    enumerate_space,
    find_pool,
    sample_by_solver,
    violated_rules,
)

TILES = tuple(range(1, 33))


def tiles(limit: int) -> Space:
    m, n, k = (Knob(name, TILES) for name in "mnk")
    return Space(
        (m, n, k),
        (Rule("fits", m.var * n.var + m.var * k.var <= limit), Rule("divides", n.var % k.var == 0)),
    )


@settings(max_examples=60, deadline=None)
@given(
    domains=st.lists(st.lists(st.integers(-4, 9), min_size=1, max_size=6, unique=True), min_size=2, max_size=4),
    limit=st.integers(-10, 30),
    count=st.integers(1, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_sample_lies_outside(domains: list[list[int]], limit: int, count: int, seed: int) -> None:
    knobs = tuple(Knob(f"k{index}", tuple(domain)) for index, domain in enumerate(domains))
    total = sum(knob.var for knob in knobs)
    product = knobs[0].var * knobs[1].var
    space = Space(knobs, (Rule("bounded", total <= limit), Rule("product", product % 3 != 1)))
    exact = {tuple(row) for row in enumerate_space(space).rows.tolist()}
    sample = sample_by_solver(space, count, np.random.default_rng(seed))
    drawn = [tuple(row) for row in sample.rows.tolist()]
    assert set(drawn) <= exact
    assert len(set(drawn)) == len(drawn) <= count
    assert bool(drawn) == bool(exact)
    assert all(violated_rules(space, sample.point(row)) == () for row in range(len(sample)))


def test_samples_reach_all_of_a_small_space() -> None:
    m, n = Knob("m", (1, 2, 3, 4)), Knob("n", (1, 2, 3, 4))
    space = Space((m, n), (Rule("ordered", m.var <= n.var),))
    sample = sample_by_solver(space, 10, np.random.default_rng(0))
    assert len(sample) == len(enumerate_space(space)) == 10


def test_samples_are_spread_and_not_in_solver_order() -> None:
    sample = sample_by_solver(tiles(300), 60, np.random.default_rng(0))
    assert len(sample) == 60
    for column in range(3):
        values = sample.rows[:, column]
        assert len(set(values.tolist())) > 5
    assert sample.rows.tolist() != sorted(sample.rows.tolist())


def test_a_pool_says_whether_it_is_exact() -> None:
    space, rng = tiles(300), np.random.default_rng(0)
    exact = find_pool(space, samples=20, rng=rng)
    assert exact.is_exact
    assert len(exact) == len(enumerate_space(space)) > 20
    sampled = find_pool(space, samples=20, rng=rng, max_rows=50)
    assert not sampled.is_exact
    assert len(sampled) == 20


def test_an_empty_space_has_an_empty_pool() -> None:
    m = Knob("m", (1, 2))
    sample = sample_by_solver(Space((m,), (Rule("large", m.var > 2),)), 5, np.random.default_rng(0))
    assert len(sample) == 0
    assert sample.is_exact


def test_unknown_is_an_error_that_says_so() -> None:
    wide = tuple(range(1, 3000))
    a, b, c = (Knob(name, wide) for name in "abc")
    cubes = Rule("cubes", a.var * a.var * a.var + b.var * b.var * b.var == c.var * c.var * c.var)
    with pytest.raises(ConstraintError, match="z3 gave up after"):
        sample_by_solver(Space((a, b, c), (cubes,)), 1, np.random.default_rng(0), timeout_s=0.2)


def test_what_a_point_breaks_is_named() -> None:
    space = tiles(300)
    assert violated_rules(space, {"m": 1, "n": 4, "k": 2}) == ()
    assert violated_rules(space, {"m": 32, "n": 32, "k": 5}) == ("fits", "divides")
    (domain,) = violated_rules(space, {"m": 1, "n": 64, "k": 2})
    assert domain.startswith("n in [1, 2")
    with pytest.raises(ConstraintError, match="no value for"):
        violated_rules(space, {"m": 1})

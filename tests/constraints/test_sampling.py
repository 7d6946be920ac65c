# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples lie in the pool, differ, are uniform where they promise it and spread where they promise that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.constraints import Knob, Pool, Rule, Space, enumerate_space, sample_space_filling, sample_uniform

Sample = Callable[[Pool, int, np.random.Generator], list[int]]


@pytest.fixture(name="pool")
def make_pool() -> Pool:
    tiles = tuple(2**bit for bit in range(8))
    return enumerate_space(Space((Knob("m", tiles), Knob("n", tiles), Knob("k", tiles))))


@pytest.mark.parametrize("sample", [sample_uniform, sample_space_filling])
def test_rows_are_different_and_inside(sample: Sample, pool: Pool) -> None:
    rows = sample(pool, 50, np.random.default_rng(0))
    assert len(set(rows)) == len(rows) == 50
    assert all(0 <= row < len(pool) for row in rows)


@pytest.mark.parametrize("sample", [sample_uniform, sample_space_filling])
def test_a_small_pool_is_given_whole(sample: Sample) -> None:
    pool = enumerate_space(Space((Knob("m", (1, 2, 3)),)))
    assert sorted(sample(pool, 10, np.random.default_rng(0))) == [0, 1, 2]


def test_uniform_by_chi_square() -> None:
    pool = enumerate_space(Space((Knob("m", tuple(range(20))),)))
    rng = np.random.default_rng(1)
    counts = np.zeros(len(pool))
    for _ in range(4000):
        for row in sample_uniform(pool, 3, rng):
            counts[row] += 1
    expected = counts.sum() / len(pool)
    statistic = ((counts - expected) ** 2 / expected).sum()
    # Drawing without repetition only narrows the counts; 43.8 is the 99.9 % point for 19 degrees of freedom.
    assert statistic < 43.8


def test_space_filling_spreads_further_than_uniform(pool: Pool) -> None:
    features = pool.features()

    def closest(rows: list[int]) -> float:
        chosen = features[rows]
        distances = np.linalg.norm(chosen[:, None] - chosen[None, :], axis=2)
        return float(distances[~np.eye(len(rows), dtype=bool)].min())

    spread = [closest(sample_space_filling(pool, 20, np.random.default_rng(seed))) for seed in range(10)]
    uniform = [closest(sample_uniform(pool, 20, np.random.default_rng(seed))) for seed in range(10)]
    assert min(spread) > max(uniform)


@settings(max_examples=60, deadline=None)
@given(
    domains=st.lists(st.lists(st.integers(-4, 9), min_size=1, max_size=6, unique=True), min_size=2, max_size=4),
    limit=st.integers(-10, 30),
    count=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    sample=st.sampled_from([sample_uniform, sample_space_filling]),
)
def test_no_sample_lies_outside(domains: list[list[int]], limit: int, count: int, seed: int, sample: Sample) -> None:
    knobs = tuple(Knob(f"k{index}", tuple(domain)) for index, domain in enumerate(domains))
    total = sum(knob.var for knob in knobs)
    pool = enumerate_space(Space(knobs, (Rule("bounded", total <= limit), Rule("even", total % 2 == 0))))
    rows = sample(pool, count, np.random.default_rng(seed))
    assert len(rows) == len(set(rows)) == min(count, len(pool))
    for row in rows:
        point = pool.point(row)
        assert all(point[knob.name] in knob.domain for knob in knobs)
        assert sum(point.values()) <= limit
        assert sum(point.values()) % 2 == 0

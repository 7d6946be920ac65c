# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What models see of a row."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.search.models.features import Features


def seen(pool: Pool) -> np.ndarray:
    return Features(pool)(np.arange(len(pool)))


def test_powers_of_two_lie_apart_from_what_is_between_them() -> None:
    pool = enumerate_space(Space((Knob("tile", (16, 32, 48, 64)), Knob("unrolled", (0, 1)))))
    assert seen(pool).shape == (8, 3)
    odd = seen(pool)[:, 2]
    assert set(odd[pool.rows[:, 0] == 48]) == {1.0}
    assert set(odd[pool.rows[:, 0] != 48]) == {0.0}


def test_knobs_without_odd_parts_are_as_the_pool_scales_them() -> None:
    """Powers of two, negative values, and multiples of one odd number."""
    pool = enumerate_space(Space((Knob("a", (1, 2, 8)), Knob("b", (-3, 0, 5)), Knob("c", (3, 6, 12)))))
    assert np.array_equal(seen(pool), pool.features())


def test_knobs_that_do_not_vary_are_left_out() -> None:
    pool = enumerate_space(Space((Knob("a", (1, 2, 4)), Knob("b", (7,)))))
    assert len(Features(pool)) == 1
    assert seen(pool).shape == (3, 1)
    constant = Pool((Knob("a", (1, 3)),), np.full((4, 1), 3, dtype=np.int64))
    assert len(Features(constant)) == 1
    assert seen(constant).shape[0] == 4


def test_a_pool_too_large_to_be_kept_has_the_same_coordinates() -> None:
    rows = np.random.default_rng(0).choice(np.array([0, 3, 16, 48]), (100_001, 2))
    knobs = (Knob("a", (0, 3, 16, 48)), Knob("b", (0, 3, 16, 48)))
    few = np.arange(0, 100_000, 9_999)
    assert np.array_equal(Features(Pool(knobs, rows))(few), Features(Pool(knobs, rows[:-1]))(few))

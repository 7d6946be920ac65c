# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Knobs refuse what they cannot hold, and pools are sequences of points."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tuner.constraints import ConstraintError, Knob, Pool, Rule, Space, enumerate_space


@pytest.mark.parametrize(
    ("name", "domain", "says"),
    [
        ("layout", ("row", "column"), "knob 'layout' takes integers, not 'row' (str); number such choices"),
        ("peel", (False, True), "knob 'peel' takes integers, not False (bool)"),
        ("scale", (1, 2.5), "knob 'scale' takes integers, not 2.5 (float)"),
        ("tile", (np.int64(8),), "knob 'tile' takes integers, not np.int64(8) (int64)"),
        ("tile", [8, 16], "knob 'tile' takes a tuple of integers, not a list; write tuple(…) around it"),
        ("tile", range(4), "not a range"),
        ("tile", 8, "not a int"),
        ("tile", (2**63,), "knob 'tile' takes integers of 64 bits"),
        ("tile", (), "knob 'tile' has an empty domain"),
        ("tile", (8, 8), "knob 'tile' names a value twice"),
        (8, (8, 16), "a knob's name is text, not 8"),
    ],
)
def test_a_knob_refuses_what_it_cannot_take(name: Any, domain: Any, says: str) -> None:
    with pytest.raises(ConstraintError, match=re.escape(says)):
        Knob(name, domain)


def small_pool() -> Pool:
    first, second = Knob("a", (1, 2, 4)), Knob("b", (1, 2))
    return enumerate_space(Space((first, second), (Rule("small", first.var * second.var <= 4),)))


def test_a_pool_is_a_sequence_of_points() -> None:
    pool = small_pool()
    points = list(pool)
    assert len(points) == len(pool) == 5
    assert points == [pool[row] for row in range(len(pool))] == [pool.point(row) for row in range(len(pool))]
    assert pool[-1] == points[-1]
    assert pool[np.int64(1)] == points[1]
    assert {"a": 4, "b": 1} in pool
    assert {"a": 4, "b": 2} not in pool


def test_a_slice_of_a_pool_is_a_pool() -> None:
    pool = small_pool()
    assert list(pool[1:3]) == list(pool)[1:3]
    assert not pool[1:3].is_exact
    assert pool[:].is_exact


@pytest.mark.parametrize("row", [5, -6])
def test_a_row_that_is_not_there_is_an_index_error(row: int) -> None:
    with pytest.raises(IndexError, match=f"the pool has 5 rows, there is no row {row}"):
        small_pool()[row]

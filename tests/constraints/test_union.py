# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spaces side by side hold the solutions of each, and no others, in each of the ways to ask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tuner.constraints import (
    ABSENT,
    Knob,
    Rule,
    Space,
    SpaceTooLargeError,
    enumerate_space,
    explain_empty,
    sample_by_solver,
    united,
    violated_rules,
)

TILE, UNROLL, DEPTH = Knob("tile", (8, 16)), Knob("unroll", (1, 2)), Knob("depth", (3, 4))
WIDE = Space((TILE, UNROLL), (Rule("fits", TILE.var * UNROLL.var <= 16, "a chip"),))
DEEP = Space((Knob("tile", (16, 32)), DEPTH), (Rule("even", DEPTH.var % 2 == 0, "a chip"),))
BOTH = united("space", {0: WIDE, 2: DEEP})


def test_a_point_has_the_knobs_of_its_space() -> None:
    pool = enumerate_space(BOTH)
    assert list(pool) == [
        {"space": 0, "tile": 8, "unroll": 1, "depth": ABSENT},
        {"space": 0, "tile": 8, "unroll": 2, "depth": ABSENT},
        {"space": 0, "tile": 16, "unroll": 1, "depth": ABSENT},
        {"space": 2, "tile": 16, "unroll": ABSENT, "depth": 4},
        {"space": 2, "tile": 32, "unroll": ABSENT, "depth": 4},
    ]
    assert BOTH.size_unconstrained == 8


def test_the_rules_say_the_same_as_the_cases() -> None:
    names = [knob.name for knob in BOTH.knobs]
    points = [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(knob.domain for knob in BOTH.knobs))
    ]
    assert [point for point in points if not violated_rules(BOTH, point)] == list(enumerate_space(BOTH))
    sampled = sample_by_solver(BOTH, 5, np.random.default_rng(0))
    assert sorted(map(str, sampled)) == sorted(map(str, enumerate_space(BOTH)))


def test_coordinates_lie_within_one() -> None:
    features = enumerate_space(BOTH).features()
    assert features.min() == 0
    assert features.max() == 1


def test_it_has_no_solution_if_no_space_has() -> None:
    never = Rule("never", TILE.var > 99, "the test")
    none = united("space", {number: Space(space.knobs, (never,)) for number, space in enumerate((WIDE, DEEP))})
    assert len(enumerate_space(none)) == 0
    assert explain_empty(none).count("never") == 2
    assert len(enumerate_space(united("space", {0: Space(WIDE.knobs, (never,)), 1: DEEP}))) == 2


def test_all_cases_share_the_limit_of_rows() -> None:
    assert len(enumerate_space(BOTH, max_rows=8)) == 5
    with pytest.raises(SpaceTooLargeError):
        enumerate_space(BOTH, max_rows=4)

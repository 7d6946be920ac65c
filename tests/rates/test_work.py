# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What dispatches do: iterations, bytes and footprint."""

from __future__ import annotations

import pytest

from tuner.rates.work import Footprint, Work
from tuner.testing.problems import problem

PRODUCT = problem("contraction", [("m", 8), ("n", 16), ("k", 32)], (0, 2), (2, 1), (0, 1), types=("f16", "f16", "f32"))
CONVOLUTION = problem(
    "convolution",
    [("batch", 1), ("image", 28), ("image", 14), ("batch", 64), ("window", 3), ("window", 3)],
    (0, -1, -1, 3),
    (4, 5),
    (0, 1, 2, 3),
)


def test_work_is_iterations_and_bytes_of_all_runs() -> None:
    moved = 2 * (8 * 32 + 32 * 16) + 4 * 8 * 16
    assert Work.of(PRODUCT, 1) == Work(8 * 16 * 32, moved)
    assert Work.of(PRODUCT, 3) == Work(3 * 8 * 16 * 32, 3 * moved)


def test_a_dimension_of_two_loops_is_as_long_as_the_image() -> None:
    assert Work.of(CONVOLUTION, 1) == Work(28 * 14 * 64 * 9, 4 * (2 * 28 * 14 * 64 + 9))


def test_a_product_multiplies_and_adds_in_each_iteration() -> None:
    footprint = Footprint.of(PRODUCT)
    assert footprint == Footprint(2 * 8 * 16 * 32, 2 * (8 * 32 + 32 * 16) + 4 * 8 * 16, "f16xf16xf32")
    assert footprint.intensity == pytest.approx(footprint.operations / footprint.bytes)


def test_a_pooling_multiplies_nothing() -> None:
    assert Footprint.of(CONVOLUTION).operations == 28 * 14 * 64 * 9


def test_of_other_kinds_only_the_bytes_are_known() -> None:
    total = Footprint.of(problem("reduction", [("parallel", 8), ("k", 16)], (0, 1), (0,)))
    assert (total.operations, total.bytes, total.intensity) == (0.0, 4 * (8 * 16 + 8), None)
    tiles = Footprint.of(problem("inner-tiled", [("m", 8), ("n", 4), ("k", 2)], (0, 2), (1, 2), (0, 1)))
    assert (tiles.operations, tiles.bytes) == (0.0, 0.0)

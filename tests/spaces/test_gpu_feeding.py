# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The feeding of matrix instructions as knobs: which points there are, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tuner.constraints import enumerate_space
from tuner.dispatch import Feeding, Problem
from tuner.jsonable import from_plain, to_plain
from tuner.spaces.gpu.contraction import SPACE
from tuner.targets import GpuLimits, Limits
from tuner.testing.problems import GFX942, SM_80, SM_90, problem

PRODUCT = problem(
    "contraction", [("m", 512), ("n", 512), ("k", 512)], (0, 2), (2, 1), (0, 1), types=("f16", "f16", "f32")
)


def points(case: Problem, gpu: GpuLimits) -> Iterator[dict[str, int]]:
    pool = enumerate_space(SPACE.build(case, Limits(0, 1, gpu)))
    return (pool.point(row) for row in range(len(pool)))


def feeding(case: Problem, point: dict[str, int]) -> Feeding | None:
    settings = SPACE.configuration(case, point).gpu
    assert settings is not None
    return settings.feeding


def held_bytes(point: dict[str, int]) -> int:
    """The shared memory of a product of f16 with rows of A along the sums, and rows of B along the columns."""
    rows, columns, depth = point["workgroup[m]"], point["workgroup[n]"], point["depth"]
    padding = point["padding_bits"] // 8
    return max(1, point["stages"]) * (rows * (2 * depth + padding) + depth * (2 * columns + padding))


def test_what_is_copied_ahead_fits_and_is_aligned() -> None:
    stages = set()
    for point in points(PRODUCT, SM_80):
        assert held_bytes(point) <= SM_80.shared_memory_bytes
        if point["stages"]:
            assert point["padding_bits"] == 128
            assert point["promoted"] == 3
            assert point["stages"] * point["depth"] <= 512
        assert not point["warpgroups"]
        assert point["padding_bits"] == 128 or not point["matrix_loads"]
        assert point["stages"] or not point["reads_ahead"]
        stages.add((point["stages"], point["matrix_loads"], point["reads_ahead"]))
    assert {number for number, _, _ in stages} == {0, 2, 3, 4, 5, 6}
    assert {(0, 0, 0), (0, 1, 0), (3, 1, 0), (3, 0, 1), (3, 1, 1)} <= stages


def test_warpgroups_have_their_forms_and_more_memory() -> None:
    found = list(points(PRODUCT, SM_90))
    for point in found:
        assert point["warpgroups"]
        assert (point["padding_bits"], point["matrix_loads"], point["reads_ahead"]) == (0, 0, 0)
        assert point["stages"] >= 3
        assert point["subgroup[n]"] * 8 == point["workgroup[n]"] <= 256
        assert point["threads"] % 128 == 0
        assert point["workgroup[n]"] % 64 == point["depth"] % 64 == 0
    assert max(map(held_bytes, found)) > SM_80.shared_memory_bytes
    assert {128, 256} <= {point["workgroup[n]"] for point in found}


@pytest.mark.parametrize(("rows", "columns", "has_warpgroups"), [(1568, 256, 1), (196, 1000, 1), (48, 512, 0)])
def test_tiles_may_reach_over_rows_and_columns(rows: int, columns: int, has_warpgroups: int) -> None:
    """Copies stop at the end of an operand. A product with too few rows for warpgroups has the other instructions."""
    ragged = problem(
        "contraction", [("m", rows), ("n", columns), ("k", 512)], (0, 2), (2, 1), (0, 1), types=("f16", "f16", "f32")
    )
    found = list(points(ragged, SM_90))
    assert {point["warpgroups"] for point in found} == {has_warpgroups}
    assert {point["padded"] for point in found if point["stages"]} >= {1}
    for point in found:
        remainders = rows % point["workgroup[m]"] or columns % point["workgroup[n]"] or 512 % point["depth"]
        assert point["padded"] == bool(remainders)


def test_the_built_in_pipeline_is_meant_where_it_does_as_much() -> None:
    seen = {feeding(PRODUCT, point) for point in points(PRODUCT, SM_80)}
    assert None in seen
    assert {Feeding(128), Feeding(128, 3, True, True)} <= seen
    assert not {Feeding(), Feeding(0)} & seen
    assert {feeding(PRODUCT, point) for point in points(PRODUCT, SM_90)} == {
        Feeding(0, stages, warpgroups=True) for stages in (3, 4, 5, 6)
    }


def test_rows_that_are_no_whole_copies_are_not_copied_ahead() -> None:
    odd = replace(PRODUCT, loops=(*PRODUCT.loops[:1], replace(PRODUCT.loops[1], extent=500), PRODUCT.loops[2]))
    assert {(point["stages"], point["warpgroups"]) for point in points(odd, SM_90)} == {(0, 0)}


def test_amd_keeps_the_stages_of_irees_pipeline() -> None:
    names = {knob.name for knob in SPACE.build(PRODUCT, Limits(0, 1, GFX942)).knobs}
    assert {"prefetch_num_stages", "padding_bits"} <= names
    assert not {"stages", "matrix_loads", "reads_ahead", "warpgroups"} & names


@pytest.mark.parametrize("value", [Feeding(128), Feeding(0, 4, warpgroups=True)])
def test_it_is_kept_as_json(value: Feeding) -> None:
    assert from_plain(Feeding, to_plain(value)) == value

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The order of workgroups as a knob: where it may help, and what it stands for."""

from __future__ import annotations

from math import ceil

import pytest

from tuner.constraints import Pool, enumerate_space
from tuner.dispatch import Feeding, Problem
from tuner.spaces.gpu.contraction import SPACE
from tuner.targets import GpuLimits, Limits
from tuner.targets.gpu_pipelines import tile_and_fuse
from tuner.testing.problems import GFX942, SM_90, problem

ORDERED = "iree-tuner-order-workgroups"


def product(rows: int, columns: int, sums: int, *, batches: int = 0) -> Problem:
    types = ("f16", "f16", "f32")
    loops = [("m", rows), ("n", columns), ("k", sums)]
    if batches:
        return problem("contraction", [("batch", batches), *loops], (0, 1, 3), (0, 3, 2), (0, 1, 2), types=types)
    return problem("contraction", loops, (0, 2), (2, 1), (0, 1), types=types)


def pool_of(case: Problem, gpu: GpuLimits = SM_90) -> Pool:
    return enumerate_space(SPACE.build(case, Limits(0, 1, gpu)))


def read(along: tuple[int, int], others: tuple[int, int], at_a_time: int) -> int:
    """The rows and columns that `at_a_time` workgroups read, each loop by its extent and its tile."""
    (extent, tile), (_, other) = along, others
    first = min(at_a_time, ceil(extent / tile))
    return first * tile + ceil(at_a_time / first) * other


@pytest.mark.parametrize(("rows", "columns"), [(512, 14336), (2048, 10240), (10240, 512)])
def test_columns_are_an_order_where_less_is_read_at_a_time(rows: int, columns: int) -> None:
    pool = pool_of(product(rows, columns, 1280))
    at_a_time = SM_90.processors or 100
    for point in map(pool.point, range(len(pool))):
        m, n = (rows, point["workgroup[m]"]), (columns, point["workgroup[n]"])
        if point["along_columns"]:
            assert read(m, n, at_a_time) < read(n, m, at_a_time)
            assert point["workgroups"] > at_a_time
    both = {(point["workgroup[m]"], point["along_columns"]) for point in map(pool.point, range(len(pool)))}
    assert ((128, 1) in both) == (columns > rows)
    assert (128, 0) in both


@pytest.mark.parametrize(
    ("case", "gpu"), [(product(512, 4096, 1024, batches=4), SM_90), (product(512, 14336, 1024), GFX942)]
)
def test_batches_and_amd_have_no_such_choice(case: Problem, gpu: GpuLimits) -> None:
    assert "along_columns" not in {knob.name for knob in SPACE.build(case, Limits(0, 1, gpu)).knobs}


def test_a_pass_orders_workgroups_as_soon_as_there_are_any() -> None:
    case = product(512, 14336, 4096)
    pool = pool_of(case)
    point = next(point for point in map(pool.point, range(len(pool))) if point["along_columns"])
    settings = SPACE.configuration(case, point).gpu
    assert settings is not None
    assert settings.feeding is not None
    assert settings.feeding.along_columns
    passes = tile_and_fuse(settings.feeding)
    assert passes[passes.index(ORDERED) - 1] == "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op"
    assert ORDERED not in tile_and_fuse(Feeding(0, 4, warpgroups=True))

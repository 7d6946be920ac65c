# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every registered space keeps to, ours and others'."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from tuner import plugins
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Configuration, Loop, Operand, Problem
from tuner.spaces import SpaceBuilder
from tuner.targets import GpuLimits, Limits, MatrixIntrinsic

CPU_LIMITS = (Limits(vector_bytes=16, threads=1), Limits(vector_bytes=64, threads=4))
# What the compiler states of these chips, without the types that no problem here has.
SM_80 = GpuLimits(
    chip="sm_80",
    subgroup_sizes=(32,),
    max_workgroup_sizes=(1024, 1024, 1024),
    max_workgroup_threads=1024,
    shared_memory_bytes=166912,
    processors=None,
    intrinsics=(MatrixIntrinsic("NV_MMA_SYNC_F32_16x8x16_F16", 0x2020, 16, 8, 16, "f16", "f16", "f32", 32, False),),
)
GFX942 = GpuLimits(
    chip="gfx942",
    subgroup_sizes=(64,),
    max_workgroup_sizes=(1024, 1024, 1024),
    max_workgroup_threads=1024,
    shared_memory_bytes=65536,
    processors=None,
    intrinsics=(
        MatrixIntrinsic("MFMA_F32_16x16x4_F32", 0x1010, 16, 16, 4, "f32", "f32", "f32", 64, False),
        MatrixIntrinsic("MFMA_F32_16x16x16_F16", 0x1020, 16, 16, 16, "f16", "f16", "f32", 64, False),
        MatrixIntrinsic("MFMA_F32_32x32x8_F16", 0x1021, 32, 32, 8, "f16", "f16", "f32", 64, False),
    ),
    occupancies=(0, 2),
)
DEVICES = (
    *(("cpu", limits) for limits in CPU_LIMITS),
    ("cuda", Limits(0, 1, SM_80)),
    ("rocm", Limits(0, 1, GFX942)),
)


def problem(
    kind: str,
    loops: list[tuple[str, int]],
    *operands: tuple[int, ...],
    types: tuple[str, ...] = ("f32",),
) -> Problem:
    types = types * len(operands) if len(types) == 1 else types
    return Problem(
        kind,
        tuple(Loop(extent, role) for role, extent in loops),
        tuple(Operand(name, "", each) for name, each in zip(types, operands, strict=True)),
    )


PROBLEMS = (
    problem("contraction", [("m", 96), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)),
    problem("contraction", [("batch", 3), ("m", 7), ("n", 13), ("k", 5)], (0, 1, 3), (0, 3, 2), (0, 1, 2)),
    problem(
        "convolution",
        [("batch", 2), ("image", 14), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (0, -1, -1, 6),
        (4, 5, 6, 3),
        (0, 1, 2, 3),
    ),
    problem(
        "convolution",
        [("batch", 1), ("image", 13), ("channel", 5), ("window", 7), ("k", 3)],
        (0, -1, 4),
        (3, 4, 2),
        (0, 1, 2),
    ),
    problem(
        "convolution",
        [("batch", 1), ("image", 28), ("image", 28), ("batch", 64), ("window", 2), ("window", 2)],
        (0, -1, -1, 3),
        (4, 5),
        (0, 1, 2, 3),
    ),
    problem("reduction", [("parallel", 100), ("k", 1000)], (0, 1), (0,)),
    problem("reduction", [("k", 17)], (0,), ()),
    problem("elementwise", [("parallel", 384), ("parallel", 1023)], (0, 1), (1, 0)),
    problem("elementwise", [("parallel", 1)], (0,), (0,)),
    problem(
        "mmt4d",
        [("m", 8), ("n", 6), ("k", 50), ("m", 16), ("n", 16), ("k", 1)],
        (0, 2, 3, 5),
        (1, 2, 4, 5),
        (0, 1, 3, 4),
    ),
)
FOR_GPUS = (
    problem("contraction", [("m", 512), ("n", 1023), ("k", 256)], (0, 2), (2, 1), (0, 1), types=("f16", "f16", "f32")),
    problem(
        "contraction",
        [("batch", 4), ("m", 128), ("n", 64), ("k", 64)],
        (0, 1, 3),
        (0, 2, 3),
        (0, 1, 2),
        types=("i8", "i8", "i32"),
    ),
    problem("contraction", [("m", 1), ("n", 4096), ("k", 4096)], (0, 2), (1, 2), (0, 1)),
    problem(
        "convolution",
        [("image", 28), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (-1, -1, 5),
        (3, 4, 5, 2),
        (0, 1, 2),
        types=("f16", "f16", "f32"),
    ),
    problem(
        "convolution",
        [("image", 28), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (-1, -1, 5),
        (3, 4, 5, 2),
        (0, 1, 2),
        types=("f8E4M3FNUZ", "f8E4M3FNUZ", "f32"),
    ),
    problem(
        "contraction", [("m", 1), ("n", 4096), ("k", 4096)], (0, 2), (1, 2), (0, 1), types=("f8E5M2", "f8E5M2", "f32")
    ),
    problem("reduction", [("parallel", 64), ("k", 1024)], (0, 1), (0,), types=("f8E4M3FN", "f32")),
    problem("reduction", [("parallel", 64), ("k", 1024)], (0, 1), (0,)),
    problem("reduction", [("parallel", 20), ("k", 1500)], (0, 1), (0,)),
)
ATTENTION = (
    problem(
        "attention",
        [("batch", 8), ("parallel", 512), ("parallel", 64), ("k", 64), ("k", 512)],
        (0, 1, 3),
        (0, 4, 3),
        (0, 4, 2),
        (),
        (0, 1, 2),
        types=("f16", "f16", "f16", "f16", "f32"),
    ),
)
MUST_SERVE = {"cpu": PROBLEMS, "cuda": FOR_GPUS + ATTENTION, "rocm": FOR_GPUS + ATTENTION}
CASES = [
    pytest.param(name, target, limits, each, id=f"{name}, {target} {index}: {each.label}")
    for index, (target, limits) in enumerate(DEVICES)
    for name in plugins.names("tuner.spaces")
    for each in MUST_SERVE[target]
    if plugins.load("tuner.spaces", name).serves(target, each)
]


@pytest.mark.parametrize("target", MUST_SERVE)
def test_every_kind_has_a_space(target: str) -> None:
    served = {case.values[3] for case in CASES if case.values[1] == target}
    assert served == set(MUST_SERVE[target])


@pytest.mark.parametrize(("name", "target", "limits", "case"), CASES)
def test_points_are_configurations_of_the_problem(name: str, target: str, limits: Limits, case: Problem) -> None:
    builder: SpaceBuilder = plugins.load("tuner.spaces", name)
    space = builder.build(case, limits)
    assert all(rule.name and rule.source for rule in space.rules)
    pool = enumerate_space(space)
    assert len(pool) > 0
    seen = set()
    for row in sample_uniform(pool, 20, np.random.default_rng(0)):
        configuration = builder.configuration(case, pool.point(row))
        assert configuration == builder.configuration(case, pool.point(row))
        assert configuration.pipeline
        if target == "cpu":
            check_levels(configuration.levels, case)
        else:
            check_threads(configuration, limits)
        seen.add(str(configuration.to_json()))
    assert len(seen) == min(20, len(pool))


def check_levels(levels: Mapping[str, tuple[int, ...]], case: Problem) -> None:
    for level, sizes in levels.items():
        assert len(sizes) == len(case.loops), level
        assert all(0 <= size <= loop.extent for size, loop in zip(sizes, case.loops, strict=True)), level
        reduces = "reduction" in level
        assert not any(size and loop.is_parallel == reduces for size, loop in zip(sizes, case.loops, strict=True))


def check_threads(configuration: Configuration, limits: Limits) -> None:
    settings, gpu = configuration.gpu, limits.gpu
    assert settings is not None
    assert gpu is not None
    threads = math.prod(settings.workgroup_size)
    assert threads <= gpu.max_workgroup_threads
    assert settings.subgroup_size in gpu.subgroup_sizes
    assert threads % settings.subgroup_size == 0
    levels = configuration.levels
    if "lane_basis" in levels:
        assert math.prod(levels["lane_basis"]) == settings.subgroup_size
        assert math.prod(levels["subgroup_basis"]) * settings.subgroup_size == threads
    if "thread" in levels and "subgroup" not in levels and "lane_basis" not in levels:
        tiles = zip(levels["workgroup"], levels["thread"], strict=True)
        assert math.prod(tile // part for tile, part in tiles if tile) == threads


@pytest.mark.parametrize("name", plugins.names("tuner.spaces"))
def test_a_space_refuses_what_is_not_its_own(name: str) -> None:
    builder: SpaceBuilder = plugins.load("tuner.spaces", name)
    assert not builder.serves("no such target", PROBLEMS[0])
    for target in MUST_SERVE:
        assert not builder.serves(target, problem("no such kind", [("parallel", 4)], (0,)))

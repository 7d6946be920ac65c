# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elementwise ops, transpositions, copies, reductions and convolutions of few sums on GPUs: the points compile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import few_ops
import problem_sizes
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import ConstraintError, Pool, enumerate_space, find_pool, sample_uniform
from tuner.dispatch import Dispatch, Follower, Problem
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.outcome import Candidate, Fate
from tuner.spaces import SpaceBuilder
from tuner.spaces.gpu import convolution, copy, elementwise, matvec, reduction
from tuner.targets import Limits, Target
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget
from tuner.testing.problems import LIMITS, problem

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]

SAMPLES = 3
CUDA, ROCM = CudaTarget("sm_80"), RocmTarget("gfx942")
CASES: dict[str, tuple[str, SpaceBuilder, Target]] = {
    "rows": (problem_sizes.biased((64, 768), "f16"), elementwise.SPACE, CUDA),
    "transposition": (problem_sizes.transpose((128, 256), (1, 0), "f16"), elementwise.SPACE, CUDA),
    "transposition, rocm": (problem_sizes.transpose((128, 256), (1, 0), "f16"), elementwise.SPACE, ROCM),
    "copy": (problem_sizes.bordered((3, 56, 224), "f16"), copy.SPACE, CUDA),
    "copy, rocm": (problem_sizes.bordered((3, 56, 224), "f16"), copy.SPACE, ROCM),
    "147 sums": (problem_sizes.convolution((1, 112, 112, 3, 64, 7, 2, 1), "f16"), convolution.SPACE, CUDA),
}


@pytest.fixture(name="compilers", scope="module")
def start_compilers() -> Iterator[CompilePool]:
    with CompilePool(1, 60.0) as compilers:
        yield compilers


def read(text: str, target: Target, builder: SpaceBuilder, folder: Path) -> tuple[Dispatch, Limits, Pool]:
    """The only dispatch that the space serves, the chip's limits, and the space's solutions."""
    path = folder / "model.mlir"
    path.write_text(text)
    extracted = extract(Model.open(path, target.compile_flags), target, folder)
    (dispatch,) = (
        dispatch
        for dispatch in extracted.dispatches
        if dispatch.problem is not None and builder.serves(target.name, dispatch.problem)
    )
    assert dispatch.problem is not None
    space = builder.build(dispatch.problem, extracted.limits)
    return dispatch, extracted.limits, find_pool(space, samples=100, rng=np.random.default_rng(0))


@pytest.mark.parametrize("case", CASES)
def test_points_compile_and_are_applied(case: str, compilers: CompilePool, tmp_path: Path) -> None:
    text, builder, target = CASES[case]
    dispatch, _, pool = read(text, target, builder, tmp_path)
    assert len(pool) >= 20
    assert dispatch.problem is not None
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(row, configuration=builder.configuration(dispatch.problem, pool.point(row))),
            target,
            tmp_path / f"{row}.vmfb",
            tmp_path / f"{row}.log",
        )
        for row in sample_uniform(pool, SAMPLES, np.random.default_rng(0))
    ]
    ends = compilers.compile(jobs)
    assert [end.detail for end in ends if end.fate is not Fate.COMPILED] == []


def test_only_an_operand_that_is_stored_across_goes_through_shared_memory(tmp_path: Path) -> None:
    text, builder, target = CASES["transposition"]
    dispatch, limits, pool = read(text, target, builder, tmp_path)
    assert dispatch.problem is not None
    assert limits.gpu is not None
    shared = [row for row in range(len(pool)) if pool.point(row)["through_shared"]]
    assert 0 < len(shared) < len(pool)
    for row in shared[:50]:
        point = pool.point(row)
        settings = builder.configuration(dispatch.problem, point).gpu
        assert settings is not None
        # The output of both operands.
        assert settings.promoted == (1,)
        tile = [size for name, size in point.items() if re.match(r"workgroup\[", name)]
        assert 2 * 2 * np.prod(tile) <= limits.gpu.shared_memory_bytes
        assert all(loop.extent % size == 0 for loop, size in zip(dispatch.problem.loops, tile, strict=True))
    (tmp_path / "rows").mkdir()
    text, builder, target = CASES["rows"]
    _, _, pool = read(text, target, builder, tmp_path / "rows")
    assert "through_shared" not in pool.point(0)


def test_a_copying_thread_may_load_16_bytes_at_once(tmp_path: Path) -> None:
    text, builder, target = CASES["copy"]
    _, _, pool = read(text, target, builder, tmp_path)
    points = [pool.point(row) for row in range(len(pool))]
    together = {point["columns"] // point["column_threads"] for point in points}
    assert {1, 2, 4, 8} <= together
    for point in points:
        threads, elements = (
            np.prod([point[f"{part}{kind}"] for part in ("column", "row", "plane")]) for kind in ("_threads", "s")
        )
        assert threads >= point["subgroup_size"] or threads == elements


def test_convolutions_fused_with_padding_get_no_tiles_of_threads(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(few_ops.MODELS["padded chain"])
    flag = "--iree-dispatch-creation-enable-fuse-padding-into-linalg-consumer-ops"
    extracted = extract(Model.open(path, (*CUDA.compile_flags, flag)), CUDA, tmp_path)
    problems = [dispatch.problem for dispatch in extracted.dispatches if dispatch.problem is not None]
    fused = [found for found in problems if "tensor.pad" in found.computation.split()]
    assert fused
    for found in fused:
        with pytest.raises(ConstraintError, match="padding is fused"):
            convolution.SPACE.build(found, extracted.limits)
        assert convolution.SPACE.build(replace(found, computation=""), extracted.limits).knobs


def test_small_images_are_copied_by_threads_along_three_loops() -> None:
    """Rows of 7 elements fill no subgroup."""
    image = problem("copy", [("parallel", 512), ("parallel", 7), ("parallel", 7)], (0, 1, 2), (0, 1, 2))
    pool = enumerate_space(copy.SPACE.build(image, LIMITS["cuda"][0]))
    settings = [copy.SPACE.configuration(image, pool.point(row)).gpu for row in range(len(pool))]
    assert (7, 7, 1) in {found.workgroup_size for found in settings if found is not None}
    assert len(pool) >= 20


def test_a_product_of_one_row_whose_sums_lanes_cannot_share_has_a_space() -> None:
    row = problem("contraction", [("n", 240), ("k", 60)], (1,), (1, 0), (0,))
    assert matvec.SPACE.serves("cuda", row)
    pool = enumerate_space(matvec.SPACE.build(row, LIMITS["cuda"][0]))
    assert len(pool) >= 20
    assert {matvec.SPACE.configuration(row, pool.point(place)).pipeline for place in range(5)} == {"TileAndFuse"}


def knob_of(problem: Problem, name: str) -> tuple[int, ...]:
    space = reduction.SPACE.build(problem, LIMITS["cuda"][0])
    return next(knob.domain for knob in space.knobs if knob.name == name)


def test_lanes_share_rows_of_a_softmax_but_not_of_a_variance() -> None:
    """Both have two reductions. The sum of a softmax reads the maxima itself."""
    loops = [("parallel", 128), ("k", 1024)]
    first = Follower(1, (("partial_reduction", (0, 512)), ("thread", (0, 4))), (0, 1))
    variance = replace(problem("reduction", loops, (0, 1), (0,)), followers=(first,))
    softmax = replace(problem("reduction", loops, (0, 1), (0,), (0,)), followers=(first,))
    alone = problem("reduction", loops, (0, 1), (0,))
    assert knob_of(variance, "row_lanes") == (1,)
    assert knob_of(softmax, "row_lanes") == knob_of(alone, "row_lanes") == (1, 2, 4, 8, 16)


def test_products_with_several_results_are_no_reductions() -> None:
    loops = [("parallel", 128), ("parallel", 64), ("k", 1024)]
    products = problem("reduction", loops, (0, 2), (2, 1), (2, 1), (0, 1), (0, 1))
    assert not reduction.SPACE.serves("cuda", products)
    assert reduction.SPACE.serves("cuda", problem("reduction", loops, (0, 1, 2), (2,), (0, 1)))

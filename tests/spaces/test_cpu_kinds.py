# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions, reductions, elementwise ops and data-tiled products on llvm-cpu: read, constrained, compiled, run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import problem_sizes as sizes
import samples
from extraction import extract_text
from places import EXAMPLES
from space_samples import Samples
from tuner.constraints import Pool, enumerate_space
from tuner.dispatch import Dispatch, Follower, Loop, Operand, Problem
from tuner.dispatches.extract import Extracted, extract
from tuner.model.model import Model
from tuner.spaces import find
from tuner.spaces.cpu import convolution, elementwise, inner_tiled, mmt4d, packing, reduction
from tuner.spaces.cpu.tiles import follow
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget
from tuner.targets.cpu_pipelines import (
    FOLDED_DOUBLE_TILING,
    MMT4D_BY_PARTS,
    MMT4D_BY_PARTS_WITHOUT_MICROKERNELS,
    MMT4D_WITHOUT_MICROKERNELS,
    pipeline_attribute,
)

AVX512 = Limits(vector_bytes=64, threads=1)
EXAMPLE = EXAMPLES / "cpu_kinds.mlir"
PACKED = Problem(
    "mmt4d",
    tuple(Loop(extent, role) for extent, role in ((6, "m"), (13, "n"), (576, "k"), (16, "m"), (16, "n"), (1, "k"))),
    tuple(Operand("f32", "", loops) for loops in ((0, 2, 3, 5), (1, 2, 4, 5), (0, 1, 3, 4))),
)
TILES = Problem(
    "inner-tiled",
    tuple(Loop(extent, role) for extent, role in ((18, "m"), (64, "n"), (4096, "k"))),
    tuple(Operand("f32", "", loops) for loops in ((0, 2), (1, 2), (0, 1))),
)
KINDS = {
    "conv": ("convolution", "cpu-convolution"),
    "conv2": ("convolution", "cpu-convolution"),
    "nchw": ("convolution", "cpu-convolution"),
    "dw": ("convolution", "cpu-convolution"),
    "softmax": ("reduction", "cpu-reduction"),
    "rowsum": ("reduction", "cpu-reduction"),
    "gelu": ("elementwise", "cpu-elementwise"),
    "transpose": ("elementwise", "cpu-elementwise"),
}


@pytest.fixture(name="kinds", scope="module")
def make_kinds(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    folder = tmp_path_factory.mktemp("kinds")
    return extract(Model.open(EXAMPLE, target.compile_flags), target, folder)


def dispatch_of(extracted: Extracted, function: str) -> Dispatch:
    (dispatch,) = (each for each in extracted.dispatches if each.name.startswith(f"{function}_dispatch"))
    return dispatch


def columns(pool: Pool) -> dict[str, np.ndarray]:
    return {knob.name: pool.rows[:, index] for index, knob in enumerate(pool.knobs)}


@pytest.mark.parametrize("function", KINDS)
def test_kinds_are_read_and_served(function: str, kinds: Extracted) -> None:
    problem = dispatch_of(kinds, function).problem
    assert problem is not None
    kind, space = KINDS[function]
    assert problem.kind == kind
    found = find("cpu", problem)
    assert found is not None
    assert found[0] == space
    assert find("vulkan", problem) is None


def test_a_convolutions_loops_have_their_roles(kinds: Extracted) -> None:
    problem = dispatch_of(kinds, "conv").problem
    assert problem is not None
    assert problem.label == "convolution batch1 image56 image56 channel64 window3 window3 k64 f32"
    assert problem.reduction_extent == 3 * 3 * 64
    assert problem.operands[0].loops == (0, -1, -1, 6)


def test_computations_tell_equal_loops_apart(tmp_path: Path, target: CpuTarget) -> None:
    text = samples.elementwise(4096)
    other = text.replace("@double", "@square").replace("arith.addf", "arith.mulf")
    first, second = (each.problem for each in extract_text(text + other, tmp_path, target).dispatches)
    assert first is not None
    assert second is not None
    assert first.loops == second.loops
    assert first != second


def test_the_ops_around_a_softmax_follow_its_root(kinds: Extracted) -> None:
    problem = dispatch_of(kinds, "softmax").problem
    assert problem is not None
    assert len(problem.followers) == 4
    others = follow(problem, {"vector_common_parallel": (4, 0), "vector_reduction": (0, 32)})
    assert others[1] == {"vector_common_parallel": (4,)}
    assert others[2] == {"vector_common_parallel": (4, 0), "vector_reduction": (0, 32)}
    assert others[4] == {"vector_common_parallel": (4, 0), "vector_inner_parallel": (0, 32)}


def test_an_op_that_shares_no_loop_keeps_its_own_levels() -> None:
    alone = Follower(1, (("vector_common_parallel", (16, 16)),), (-1, -1))
    problem = Problem("mmt4d", (Loop(32, "m"),), (Operand("f32", "", (0,)),), followers=(alone,))
    assert follow(problem, {"vector_common_parallel": (2,)}) == {1: {"vector_common_parallel": (16, 16)}}


def test_a_convolutions_vector_has_one_row_or_one_column(kinds: Extracted) -> None:
    problem = dispatch_of(kinds, "conv").problem
    assert problem is not None
    found = columns(enumerate_space(convolution.SPACE.build(problem, AVX512)))
    images = [found[f"vector_common_parallel[image{place}]"] for place in range(2)]
    windows = [found[f"vector_reduction[window{place}]"] for place in range(2)]
    row, column = ((image == 1) & (window == 1) for image, window in zip(images, windows, strict=True))
    assert (row | column).all()
    assert (row & ~column).any()
    assert (column & ~row).any()
    assert set(found["vector_common_parallel[batch]"].tolist()) == {1}


def test_a_grouped_convolution_does_not_decompose() -> None:
    roles: tuple[tuple[str, int], ...] = (
        ("batch", 2),
        ("image", 14),
        ("image", 14),
        ("depth", 4),
        ("channel", 16),
        ("window", 3),
        ("window", 3),
        ("k", 8),
    )
    operands = (0, -1, -1, 3, 7), (3, 5, 6, 7, 4), (0, 1, 2, 3, 4)
    problem = Problem(
        "convolution",
        tuple(Loop(extent, role) for role, extent in roles),
        tuple(Operand("f32", "", loops) for loops in operands),
    )
    pool = enumerate_space(convolution.SPACE.build(problem, AVX512))
    assert convolution.SPACE.configuration(problem, pool.point(0)).pipeline == "DoubleTilingExpert"


def test_a_convolutions_vectors_are_powers_of_two_in_several_rows() -> None:
    roles = (("batch", 1), ("image", 40), ("image", 40), ("channel", 24), ("window", 3), ("window", 3), ("k", 96))
    operands = (0, -1, -1, 6), (4, 5, 6, 3), (0, 1, 2, 3)
    problem = Problem(
        "convolution",
        tuple(Loop(extent, role) for role, extent in roles),
        tuple(Operand("f32", "", loops) for loops in operands),
    )
    found = columns(enumerate_space(convolution.SPACE.build(problem, AVX512)))
    assert set(found["vector_common_parallel[channel]"].tolist()) == {8}
    vectors, workgroups = (
        found[f"{level}[image0]"] * found[f"{level}[image1]"] for level in ("vector_common_parallel", "distribution")
    )
    assert ((vectors >= 4) | (workgroups < 4)).all()


def test_channel_wise_rows_are_folded_into_vectors(samples_of: Samples, tmp_path: Path, target: CpuTarget) -> None:
    extracted = extract_text(samples.channel_wise_rows(12, 20, 3), tmp_path, target)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    pool = enumerate_space(convolution.SPACE.build(dispatch.problem, extracted.limits))
    found = columns(pool)
    assert all(set(found[f"vector_reduction[window{place}]"].tolist()) == {1} for place in range(2))
    across = [found[f"vector_common_parallel[{loop}]"] > 1 for loop in ("image0", "depth")]
    assert not (across[0] & across[1]).any()
    configuration = convolution.SPACE.configuration(dispatch.problem, pool.point(0))
    assert configuration.pipeline == FOLDED_DOUBLE_TILING
    assert pipeline_attribute(configuration.pipeline).startswith('#iree_codegen.pass_pipeline<"')
    samples_of.check(dispatch, extracted.limits, tmp_path)


def test_whole_and_half_vectors_along_memory(kinds: Extracted) -> None:
    problem = dispatch_of(kinds, "transpose").problem
    assert problem is not None
    found = columns(enumerate_space(elementwise.SPACE.build(problem, AVX512)))
    first, second = (found[f"vector_common_parallel[parallel{place}]"] for place in range(2))
    assert (first % 8 == 0).all()
    assert (second % 8 == 0).all()
    assert (first * second <= 512).all()


def test_half_vectors_and_masked_remainders_of_a_transpose() -> None:
    def space(rows: int, columns_: int) -> dict[str, np.ndarray]:
        loops = Loop(rows, "parallel"), Loop(columns_, "parallel")
        operands = Operand("f32", "", (0, 1)), Operand("f32", "", (1, 0))
        return columns(enumerate_space(elementwise.SPACE.build(Problem("elementwise", loops, operands), AVX512)))

    even, odd = space(25600, 24), space(24, 103041)
    assert {8, 24} == set(even["vector_common_parallel[parallel1]"].tolist())
    assert (25600 % even["distribution[parallel0]"] == 0).all()
    assert {8, 16} == set(odd["vector_common_parallel[parallel1]"].tolist())
    assert (odd["distribution[parallel1]"] % odd["vector_common_parallel[parallel1]"] == 0).all()


def test_a_copy_into_a_padded_image_is_tuned_as_an_op_on_buffers(
    samples_of: Samples, tmp_path: Path, target: CpuTarget
) -> None:
    extracted = extract_text(samples.padding(4, 24), tmp_path, target)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    assert dispatch.problem.kind == "copy"
    found = find("cpu", dispatch.problem)
    assert found is not None
    assert found[0] == "cpu-copy"
    pool = enumerate_space(found[1].build(dispatch.problem, extracted.limits))
    assert found[1].configuration(dispatch.problem, pool.point(0)).pipeline == "BufferOpsTileAndVectorize"
    samples_of.check(dispatch, extracted.limits, tmp_path)


def test_a_sum_of_few_columns_has_vectors_that_divide_them() -> None:
    loops = Loop(24, "parallel"), Loop(25600, "k")
    operands = Operand("f32", "", (1, 0)), Operand("f32", "", (0,))
    found = columns(enumerate_space(reduction.SPACE.build(Problem("reduction", loops, operands), AVX512)))
    assert {8, 24} == set(found["vector_common_parallel[parallel]"].tolist())


@pytest.mark.parametrize(
    "text", [samples.matmul(256, 256, 256), samples.batch_matmul(6, 128, 64, 256)], ids=["one", "batch"]
)
def test_a_packed_products_inner_tile_is_whole(
    text: str, samples_of: Samples, tmp_path: Path, target: CpuTarget
) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(text)
    extracted = extract(Model.open(path, (*target.compile_flags, "--iree-opt-data-tiling")), target, tmp_path)
    (dispatch,) = (each for each in extracted.dispatches if each.problem is not None and each.problem.kind == "mmt4d")
    assert dispatch.problem is not None
    pool = enumerate_space(mmt4d.SPACE.build(dispatch.problem, extracted.limits))
    *_, m0, n0, k0 = (loop.extent for loop in dispatch.problem.loops)
    levels = mmt4d.SPACE.configuration(dispatch.problem, pool.point(0)).levels
    assert levels["vector_common_parallel"][-3:-1] == (m0, n0)
    assert levels["vector_reduction"][-1] == k0
    samples_of.check(dispatch, extracted.limits, tmp_path, samples=8)


def test_products_are_calls_or_code() -> None:
    calls, code = (
        columns(enumerate_space(mmt4d.SPACE.build(PACKED, replace(AVX512, microkernels=has)))) for has in (True, False)
    )
    assert "microkernel" not in code
    assert all(set(code[f"vector_common_parallel[{name}0]"].tolist()) == {1} for name in "mn")
    in_vector = calls["vector_common_parallel[m0]"] * calls["vector_common_parallel[n0]"]
    assert set(in_vector[calls["microkernel"] == 0].tolist()) == {1}
    assert {2, 3, 6} <= set(in_vector[calls["microkernel"] == 1].tolist())
    assert set(calls["vector_reduction[k0]"].tolist()) == {1}
    ragged = 13 % calls["distribution[n0]"] != 0
    assert ragged.any()
    assert len(calls["microkernel"]) >= 50


def test_a_product_without_microkernel_or_by_parts_names_its_passes() -> None:
    pool = enumerate_space(mmt4d.SPACE.build(PACKED, replace(AVX512, microkernels=True)))
    points = [pool.point(row) for row in range(len(pool))]
    pipelines = {
        (point["microkernel"], point["cache_reduction[k0]"] > 0, mmt4d.SPACE.configuration(PACKED, point).pipeline)
        for point in points
    }
    assert pipelines == {
        (0, False, MMT4D_WITHOUT_MICROKERNELS),
        (1, False, "Mmt4dTilingExpert"),
        (0, True, MMT4D_BY_PARTS_WITHOUT_MICROKERNELS),
        (1, True, MMT4D_BY_PARTS),
    }


@pytest.mark.parametrize(
    ("space", "problem", "outer", "most"), [(mmt4d, PACKED, "0", 32), (inner_tiled, TILES, "", 16)]
)
def test_a_sum_by_parts_keeps_its_output_on_the_stack(space: Any, problem: Problem, outer: str, most: int) -> None:
    pool = enumerate_space(space.SPACE.build(problem, AVX512))
    found = columns(pool)
    parts = found[f"cache_reduction[k{outer}]"]
    assert (problem.loops[2].extent % np.maximum(parts, 1) == 0).all()
    tiles = (found[f"distribution[m{outer}]"] * found[f"distribution[n{outer}]"])[parts > 0]
    assert (tiles.min(), tiles.max()) == (2, most)
    row = int(np.flatnonzero(parts)[0])
    levels = space.SPACE.configuration(problem, pool.point(row)).levels
    assert list(levels)[:2] == ["distribution", "cache_reduction"]
    assert levels["cache_reduction"] == tuple(int(parts[row]) if loop == 2 else 0 for loop in range(len(problem.loops)))


def test_a_sum_that_no_part_divides_has_no_parts() -> None:
    short = replace(TILES, loops=(*TILES.loops[:2], Loop(61, "k")))
    assert "cache_reduction[k]" not in {knob.name for knob in inner_tiled.SPACE.build(short, AVX512).knobs}


def test_types_without_a_microkernel_leave_no_choice_of_it() -> None:
    wide = Problem(
        PACKED.kind, PACKED.loops, tuple(replace(operand, element_type="f64") for operand in PACKED.operands)
    )
    space = mmt4d.SPACE.build(wide, replace(AVX512, microkernels=True))
    assert "microkernel" not in {knob.name for knob in space.knobs}


@pytest.mark.parametrize(("flag", "has"), [("default", True), ("all", True), ("none", False)])
def test_the_compiler_says_whether_there_are_microkernels(
    flag: str, has: bool, tmp_path: Path, target: CpuTarget
) -> None:
    extracted = extract_text(samples.elementwise(64), tmp_path, target, f"--iree-llvmcpu-enable-ukernels={flag}")
    assert extracted.limits.microkernels is has


def test_a_product_of_tiles_is_distributed_over_tiles(samples_of: Samples, tmp_path: Path, target: CpuTarget) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(128, 256, 512))
    flags = (*target.compile_flags, "--iree-opt-data-tiling", "--iree-llvmcpu-enable-inner-tiled")
    extracted = extract(Model.open(path, flags), target, tmp_path)
    (dispatch,) = (each for each in extracted.dispatches if each.problem and each.problem.kind == "inner-tiled")
    problem = dispatch.problem
    assert problem is not None
    assert [loop.role for loop in problem.loops] == ["m", "n", "k"]
    packed = ir_shapes(dispatch)
    assert [loop.extent for loop in problem.loops] == packed
    found = columns(enumerate_space(inner_tiled.SPACE.build(problem, extracted.limits)))
    assert all(set(found[f"vector_common_parallel[{name}]"].tolist()) == {1} for name in "mn")
    samples_of.check(dispatch, extracted.limits, tmp_path)


def ir_shapes(dispatch: Dispatch) -> list[int]:
    """The numbers of tiles along m, n and k, as the types of the root op's operands have them."""
    assert dispatch.program is not None
    (line,) = (line for line in dispatch.program.ir_text.splitlines() if "iree_codegen.inner_tiled" in line)
    shapes = [list(map(int, found.split("x")[:2])) for found in re.findall(r"tensor<([\dx]+)xf32>", line)]
    (m, k), (n, _), *_ = shapes
    return [m, n, k]


@pytest.fixture(name="layouts", scope="module")
def make_layouts(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    folder = tmp_path_factory.mktemp("layouts")
    return extract_text(samples.LAYOUTS, folder, target)


@pytest.mark.parametrize("function", ["image", "filled", "unpacked"])
def test_moves_into_tiles_and_out_of_them_are_tuned(
    function: str, layouts: Extracted, samples_of: Samples, tmp_path: Path
) -> None:
    dispatch = dispatch_of(layouts, function)
    assert dispatch.problem is not None
    found = find("cpu", dispatch.problem)
    assert found is not None
    assert found[0] == "cpu-packing"
    assert len(enumerate_space(found[1].build(dispatch.problem, layouts.limits))) >= 50
    samples_of.check(dispatch, layouts.limits, tmp_path, samples=12)


def test_a_workgroup_unpacks_whole_tiles(layouts: Extracted) -> None:
    problem = dispatch_of(layouts, "unpacked").problem
    assert problem is not None
    found = columns(enumerate_space(packing.SPACE.build(problem, AVX512)))
    tiles = [found[f"distribution[parallel{loop}]"] for loop in (0, 1)]
    assert all((tile % 16 == 0).all() for tile in tiles)


WINOGRAD = "builtin.module(util.func(iree-linalg-ext-convert-conv2d-to-winograd{replace-all-convs=true}))"


@pytest.mark.parametrize("transformed", ["filter", "input", "output"])
def test_winograds_transforms_are_distributed(
    transformed: str, samples_of: Samples, tmp_path: Path, target: CpuTarget
) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(sizes.convolution((1, 12, 18, 16, 32, 3, 1, 1), "f32"))
    flags = (*target.compile_flags, f"--iree-preprocessing-pass-pipeline={WINOGRAD}")
    extracted = extract(Model.open(path, flags), target, tmp_path)
    (dispatch,) = (each for each in extracted.dispatches if f"winograd_{transformed}" in each.name)
    problem = dispatch.problem
    assert problem is not None
    assert problem.kind == "winograd"
    # Tiles of 6 by 6 outputs, from which 12 and 18 are made.
    expected = [16, 32] if transformed == "filter" else [1, 2, 3, 32 if transformed == "output" else 16]
    assert [loop.extent for loop in problem.loops] == expected
    samples_of.check(dispatch, extracted.limits, tmp_path)


def test_more_threads_ask_for_more_workgroups(kinds: Extracted) -> None:
    problem = dispatch_of(kinds, "rowsum").problem
    assert problem is not None
    found = columns(enumerate_space(reduction.SPACE.build(problem, Limits(64, 8))))
    assert (512 // found["distribution[parallel]"] >= 8).all()


@pytest.mark.parametrize("function", KINDS)
def test_samples_compile_and_compute_what_the_default_does(
    function: str, kinds: Extracted, samples_of: Samples, tmp_path: Path
) -> None:
    samples_of.check(dispatch_of(kinds, function), kinds.limits, tmp_path)

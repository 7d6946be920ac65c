# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What GPUs can be asked for beside the first space of a problem: other algorithms, layouts and options."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import z3

import problem_sizes as sizes
from peer_problems import generic
from tuner import spaces
from tuner.compile.apply import annotations_of
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Rule, enumerate_space, find_pool, sample_uniform
from tuner.dispatch import Configuration, Dispatch
from tuner.dispatches.extract import extract
from tuner.errors import InputError
from tuner.facts.executable import read_executable
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import Candidate, Compilation
from tuner.spaces import SpaceBuilder
from tuner.spaces.gpu import (
    attention_amd,
    contraction,
    contraction_vectors,
    convolution,
    convolution_direct,
    convolution_vectors,
    matvec,
    reduction,
)
from tuner.targets import Limits, Target
from tuner.targets.cuda import choose
from tuner.targets.rocm import RocmTarget
from tuner.toolchain.contexts import new_context

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]

_SMALL = (2, 16, 16, 64, 128, 3, 1)


def read(text: str, folder: Path, target: Target) -> tuple[Dispatch, Limits]:
    """The text's only dispatch, and the chip's limits."""
    (folder / "model.mlir").write_text(text)
    extracted = extract(Model.open(folder / "model.mlir", target.compile_flags), target, folder)
    (dispatch,) = extracted.dispatches
    return dispatch, extracted.limits


def compiled(
    dispatch: Dispatch, target: Target, configurations: Sequence[Configuration], folder: Path
) -> list[Compilation]:
    """What the compiler made of the dispatch with each configuration."""
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            target,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate(configurations)
    ]
    with CompilePool(2, 90.0) as compilers:
        return list(compilers.compile(jobs))


def instructions(ended: Compilation) -> bytes:
    """The code of a binary for an AMD GPU, as the section of that name of its ELF holds it."""
    assert ended.binary is not None, ended.detail
    executable = read_executable(ended.binary)
    assert executable is not None
    code = executable.code
    (table,) = struct.unpack_from("<Q", code, 40)
    size, count, strings = struct.unpack_from("<HHH", code, 58)
    sections = [struct.unpack_from("<IIQQQQ", code, table + place * size) for place in range(count)]
    names = {code[sections[strings][4] + section[0] :].split(b"\0", 1)[0]: section for section in sections}
    *_, start, length = names[b".text"]
    return code[start : start + length]


@pytest.mark.parametrize(
    ("builder", "chip", "text"),
    [
        (convolution_direct.SPACE, "gfx942", sizes.convolution((*_SMALL, 1), "f16")),
        (convolution_direct.SPACE, "gfx1201", sizes.convolution((*_SMALL, 1), "f16", channels_first=True)),
        (convolution_direct.SPACE, "gfx942", sizes.convolution((*_SMALL, 4), "f16")),
        (convolution.SPACE, "gfx942", sizes.convolution((*_SMALL, 1), "f16", channels_first=True)),
        (convolution.SPACE, "gfx942", sizes.convolution((*_SMALL, 4), "f16")),
        (convolution_vectors.SPACE, "gfx942", sizes.convolution((*_SMALL, 1), "f16")),
        (convolution_vectors.SPACE, "gfx1100", sizes.convolution((*_SMALL, 1), "bf16")),
        (convolution_vectors.SPACE, "sm_80", sizes.convolution((*_SMALL, 1), "f16")),
        (contraction_vectors.SPACE, "gfx942", sizes.product((256, 512, 128), "i8")),
        (contraction_vectors.SPACE, "gfx1100", sizes.product((256, 512, 128), "bf16", batch=3, transposed=True)),
        (attention_amd.SPACE, "gfx942", sizes.attention((4, 256, 256, 64, 64), "f16", masked=True)),
        (attention_amd.SPACE, "gfx942", sizes.attention((4, 256, 256, 64, 64), "f8E4M3FNUZ")),
        (attention_amd.SPACE, "gfx950", sizes.attention((4, 256, 256, 64, 64), "f8E5M2")),
        (attention_amd.SPACE, "gfx1201", sizes.attention((4, 256, 256, 64, 64), "f8E4M3FN")),
        (convolution_direct.SPACE, "sm_80", sizes.convolution((*_SMALL, 1), "f16")),
        (contraction_vectors.SPACE, "sm_80", sizes.product((256, 512, 128), "bf16", batch=3, transposed=True)),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith(("gfx", "sm")) else "",
)
def test_samples_compile(builder: SpaceBuilder, chip: str, text: str, tmp_path: Path) -> None:
    target: Target = choose(chip, threads=1) if chip.startswith("sm") else RocmTarget(chip)
    dispatch, limits = read(text, tmp_path, target)
    problem = dispatch.problem
    assert problem is not None
    assert builder.serves(target.name, problem)
    rng = np.random.default_rng(0)
    pool = find_pool(builder.build(problem, limits), samples=3, rng=rng)
    chosen = [builder.configuration(problem, pool.point(row)) for row in sample_uniform(pool, 3, rng)]
    ends = compiled(dispatch, target, chosen, tmp_path)
    assert [end.detail for end in ends if end.binary is None] == []


BOTH_WAYS = "gpu-convolution+gpu-convolution-direct"


def test_spaces_that_are_named_as_one_are_searched_as_one(tmp_path: Path) -> None:
    target = RocmTarget("gfx942")
    dispatch, limits = read(sizes.convolution((*_SMALL, 1), "f16"), tmp_path, target)
    problem = dispatch.problem
    assert problem is not None
    found = spaces.find("rocm", problem, (BOTH_WAYS,))
    assert found is not None
    name, builder = found
    assert name == BOTH_WAYS
    pool = enumerate_space(builder.build(problem, limits))
    alone = [enumerate_space(space.build(problem, limits)) for space in (convolution.SPACE, convolution_direct.SPACE)]
    assert np.bincount(pool.rows[:, 0]).tolist() == list(map(len, alone))
    chosen = [
        builder.configuration(problem, pool.point(int(np.flatnonzero(pool.rows[:, 0] == place)[0]))) for place in (0, 1)
    ]
    assert [each.gpu and each.gpu.use_igemm_convolution for each in chosen] == [True, False]
    ends = compiled(dispatch, target, chosen, tmp_path)
    assert [end.detail for end in ends if end.binary is None] == []


def test_of_spaces_named_as_one_a_problem_has_those_that_serve_it(tmp_path: Path) -> None:
    strided, limits = read(sizes.convolution((2, 8, 8, 64, 128, 3, 2, 1), "f16"), tmp_path, RocmTarget("gfx942"))
    assert strided.problem is not None
    found = spaces.find("rocm", strided.problem, (BOTH_WAYS,))
    assert found is not None
    assert found[1].build(strided.problem, limits).knobs[0].domain == (0,)
    assert spaces.find("rocm", strided.problem, ("gpu-convolution-direct+gpu-matvec",)) is None
    with pytest.raises(InputError, match="there is no space named 'gpu-magic'"):
        Options(spaces=("gpu-convolution+gpu-magic",))


@pytest.mark.parametrize(
    ("builder", "text"),
    [(reduction.SPACE, sizes.softmax((64, 512), "f32")), (matvec.SPACE, sizes.product((1, 4096, 4096), "f16"))],
    ids=("softmax", "matvec"),
)
def test_the_flushing_of_denormals_is_a_knob_of_reductions_and_changes_their_code(
    builder: SpaceBuilder, text: str, tmp_path: Path
) -> None:
    """On AMD GPUs. On NVIDIA GPUs it is none."""
    target = RocmTarget("gfx942")
    dispatch, limits = read(text, tmp_path, target)
    assert dispatch.problem is not None
    pool = enumerate_space(builder.build(dispatch.problem, limits))
    # The last knob tells a row from the one before. Not every point is changed.
    firsts = 2 * np.random.default_rng(0).choice(len(pool) // 2, 4, replace=False)
    points = [pool.point(int(first) + place) for first in firsts for place in (0, 1)]
    assert points[1] == {**points[0], "flushes_denormals": 1}
    ends = compiled(dispatch, target, [builder.configuration(dispatch.problem, point) for point in points], tmp_path)
    codes = [instructions(end) for end in ends]
    assert any(codes[place] != codes[place + 1] for place in range(0, len(codes), 2))
    nvidia, limits = read(text, tmp_path, choose("sm_80", threads=1))
    assert nvidia.problem is not None
    assert "flushes_denormals" not in {knob.name for knob in builder.build(nvidia.problem, limits).knobs}


def test_a_convolution_with_strides_is_left_to_implicit_gemm(tmp_path: Path) -> None:
    dispatch, _ = read(sizes.convolution((2, 8, 8, 64, 128, 3, 2, 1), "f16"), tmp_path, RocmTarget("gfx942"))
    assert dispatch.problem is not None
    assert not convolution_direct.SPACE.serves("rocm", dispatch.problem)
    assert not convolution_vectors.SPACE.serves("rocm", dispatch.problem)
    assert convolution.SPACE.serves("rocm", dispatch.problem)


@pytest.mark.parametrize("is_on", [0, 1])
def test_layouts_prefetch_stages_and_the_flushing_of_denormals_are_knobs_of_attention(
    is_on: int, tmp_path: Path
) -> None:
    target = RocmTarget("gfx942")
    dispatch, limits = read(sizes.attention((4, 256, 256, 64, 64), "f16"), tmp_path, target)
    assert dispatch.problem is not None
    space = attention_amd.SPACE.build(dispatch.problem, limits)
    wanted = {"col_major": is_on, "flushes_denormals": is_on, "prefetch_num_stages": 2 * is_on}
    asked = Rule("asked for", z3.And([z3.Int(name) == value for name, value in wanted.items()]), "the test")
    pool = find_pool(replace(space, rules=(*space.rules, asked)), samples=1, rng=np.random.default_rng(0))
    with new_context() as context:
        configuration = attention_amd.SPACE.configuration(dispatch.problem, pool.point(0))
        annotations = annotations_of(configuration, target, context)
    assert annotations.root["decomposition_config"].count("col_major = true") == 2 * is_on
    assert annotations.root["compilation_info"].count("denormal_fp_math_f32") == is_on
    assert annotations.root["compilation_info"].count("prefetch_num_stages = 2") == is_on


def test_padded_operands_of_several_loops_go_through_shared_memory(tmp_path: Path) -> None:
    target = RocmTarget("gfx942")
    text = generic(("6x32x64", "5x64x96", "6x5x32x96"), ("a, c, e", "b, e, d", "a, b, c, d"), 1)
    dispatch, limits = read(text, tmp_path, target)
    problem = dispatch.problem
    assert problem is not None
    pool = enumerate_space(contraction.SPACE.build(problem, limits))
    column = {knob.name: pool.rows[:, place] for place, knob in enumerate(pool.knobs)}
    assert set(column["promoted"][column["padded"] == 1]) == {3}
    assert set(column["promoted"][column["padded"] == 0]) == {0, 1, 2, 3}
    rows = np.random.default_rng(0).choice(np.flatnonzero(column["padded"] == 1), 3, replace=False)
    ends = compiled(
        dispatch, target, [contraction.SPACE.configuration(problem, pool.point(int(row))) for row in rows], tmp_path
    )
    assert [end.detail for end in ends if end.binary is None] == []


def test_rows_may_be_padded_to_whole_tiles_that_do_not_divide_them(tmp_path: Path) -> None:
    dispatch, limits = read(sizes.product((150000, 256, 64), "f16"), tmp_path, RocmTarget("gfx942"))
    assert dispatch.problem is not None
    space = contraction.SPACE.build(dispatch.problem, limits)
    for padded in (0, 1):
        asked = Rule("asked for", z3.And(z3.Int("workgroup[m]") == 256, z3.Int("padded") == padded), "the test")
        pool = find_pool(replace(space, rules=(*space.rules, asked)), samples=1, rng=np.random.default_rng(0))
        assert bool(len(pool)) == bool(padded)

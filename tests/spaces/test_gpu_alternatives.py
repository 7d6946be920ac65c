# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What GPUs can be asked for beside the first space of a problem: other algorithms, layouts and options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import z3

import problem_sizes as sizes
from tuner.compile.apply import annotations_of
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Rule, find_pool, sample_uniform
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.outcome import Candidate
from tuner.spaces import SpaceBuilder
from tuner.spaces.gpu import attention_amd, contraction, contraction_vectors, convolution, convolution_direct
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


@pytest.mark.parametrize(
    ("builder", "chip", "text"),
    [
        (convolution_direct.SPACE, "gfx942", sizes.convolution((*_SMALL, 1), "f16")),
        (convolution_direct.SPACE, "gfx1201", sizes.convolution((*_SMALL, 1), "f16", channels_first=True)),
        (convolution_direct.SPACE, "gfx942", sizes.convolution((*_SMALL, 4), "f16")),
        (convolution.SPACE, "gfx942", sizes.convolution((*_SMALL, 1), "f16", channels_first=True)),
        (convolution.SPACE, "gfx942", sizes.convolution((*_SMALL, 4), "f16")),
        (contraction_vectors.SPACE, "gfx942", sizes.product((256, 512, 128), "i8")),
        (contraction_vectors.SPACE, "gfx1100", sizes.product((256, 512, 128), "bf16", batch=3, transposed=True)),
        (attention_amd.SPACE, "gfx942", sizes.attention((4, 256, 256, 64, 64), "f16", masked=True)),
        (convolution_direct.SPACE, "sm_80", sizes.convolution((*_SMALL, 1), "f16")),
        (contraction_vectors.SPACE, "sm_80", sizes.product((256, 512, 128), "bf16", batch=3, transposed=True)),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith(("gfx", "sm")) else "",
)
def test_samples_compile(builder: SpaceBuilder, chip: str, text: str, tmp_path: Path) -> None:
    target: Target = choose(chip, threads=1) if chip.startswith("sm") else RocmTarget(chip)
    dispatch, limits = read(text, tmp_path, target)
    problem, program = dispatch.problem, dispatch.program
    assert problem is not None
    assert program is not None
    assert builder.serves(target.name, problem)
    rng = np.random.default_rng(0)
    pool = find_pool(builder.build(problem, limits), samples=3, rng=rng)
    jobs = [
        CompileJob(
            program,
            dispatch.name,
            Candidate(number, configuration=builder.configuration(problem, pool.point(row))),
            target,
            tmp_path / f"{number}.vmfb",
            tmp_path / f"{number}.log",
        )
        for number, row in enumerate(sample_uniform(pool, 3, rng))
    ]
    with CompilePool(2, 90.0) as compilers:
        ends = compilers.compile(jobs)
    assert [end.detail for end in ends if end.binary is None] == []


def test_a_convolution_with_strides_is_left_to_implicit_gemm(tmp_path: Path) -> None:
    dispatch, _ = read(sizes.convolution((2, 8, 8, 64, 128, 3, 2, 1), "f16"), tmp_path, RocmTarget("gfx942"))
    assert dispatch.problem is not None
    assert not convolution_direct.SPACE.serves("rocm", dispatch.problem)
    assert convolution.SPACE.serves("rocm", dispatch.problem)


@pytest.mark.parametrize("is_on", [0, 1])
def test_layouts_by_columns_and_the_flushing_of_denormals_are_knobs_of_attention(is_on: int, tmp_path: Path) -> None:
    target = RocmTarget("gfx942")
    dispatch, limits = read(sizes.attention((4, 256, 256, 64, 64), "f16"), tmp_path, target)
    assert dispatch.problem is not None
    space = attention_amd.SPACE.build(dispatch.problem, limits)
    asked = Rule("asked for", z3.And(z3.Int("col_major") == is_on, z3.Int("flushes_denormals") == is_on), "the test")
    pool = find_pool(replace(space, rules=(*space.rules, asked)), samples=1, rng=np.random.default_rng(0))
    with new_context() as context:
        configuration = attention_amd.SPACE.configuration(dispatch.problem, pool.point(0))
        annotations = annotations_of(configuration, target, context)
    assert annotations.root["decomposition_config"].count("col_major = true") == 2 * is_on
    assert annotations.root["compilation_info"].count("denormal_fp_math_f32") == is_on


def test_rows_may_be_padded_to_whole_tiles_that_do_not_divide_them(tmp_path: Path) -> None:
    dispatch, limits = read(sizes.product((150000, 256, 64), "f16"), tmp_path, RocmTarget("gfx942"))
    assert dispatch.problem is not None
    space = contraction.SPACE.build(dispatch.problem, limits)
    for padded in (0, 1):
        asked = Rule("asked for", z3.And(z3.Int("workgroup[m]") == 256, z3.Int("padded") == padded), "the test")
        pool = find_pool(replace(space, rules=(*space.rules, asked)), samples=1, rng=np.random.default_rng(0))
        assert bool(len(pool)) == bool(padded)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Poolings on llvm-cpu: windows and strided rows are folded away, vectors lie along memory, samples are right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samples
from extraction import extract_text
from space_samples import Samples
from tuner.constraints import enumerate_space
from tuner.dispatch import Loop, Operand, Problem
from tuner.spaces.cpu import convolution, pooling
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget
from tuner.targets.cpu_pipelines import FOLDED_DOUBLE_TILING

AVX512 = Limits(vector_bytes=64, threads=1)


def problem(image: str, loops: tuple[int, ...]) -> Problem:
    """A pooling of 64 channels to 56 x 56 by windows of 3 x 3; `image` is the map from the loops to the image."""
    extents = (1, "batch"), (64, "batch"), (56, "image"), (56, "image"), (3, "window"), (3, "window")
    operands = (
        Operand("f32", f"(d0, d1, d2, d3, d4, d5) -> ({image})", loops),
        Operand("f32", "(d0, d1, d2, d3, d4, d5) -> (d4, d5)", (4, 5)),
        Operand("f32", "(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)", (0, 1, 2, 3)),
    )
    return Problem("convolution", tuple(Loop(extent, role) for extent, role in extents), operands)


STRIDED_LAST = problem("d0, d2 * 2 + d4, d3 * 2 + d5, d1", (0, -1, -1, 1))
DENSE_FIRST = problem("d0, d1, d2 + d4, d3 + d5", (0, 1, -1, -1))
STRIDED_FIRST = problem("d0, d1, d2 * 2 + d4, d3 * 2 + d5", (0, 1, -1, -1))


def columns(of: Problem) -> dict[str, np.ndarray]:
    pool = enumerate_space(pooling.SPACE.build(of, AVX512))
    assert len(pool) >= 50
    return {knob.name: pool.rows[:, index] for index, knob in enumerate(pool.knobs)}


def values(of: Problem, knob: str) -> set[int]:
    return set(columns(of)[knob].tolist())


def test_windows_and_strided_rows_are_folded_away() -> None:
    for of in (STRIDED_LAST, DENSE_FIRST):
        assert all(values(of, f"vector_reduction[window{place}]") == {1} for place in range(2))
    assert all(values(STRIDED_LAST, f"vector_common_parallel[image{place}]") == {1} for place in range(2))
    assert values(DENSE_FIRST, "vector_common_parallel[image0]") == {1, 2, 4, 7, 8}


def test_vectors_lie_along_memory_as_powers_of_two() -> None:
    assert values(STRIDED_LAST, "vector_common_parallel[batch1]") == {8, 16, 32, 64}
    assert values(DENSE_FIRST, "vector_common_parallel[image1]") == {8}


def test_a_vectors_output_fits_the_registers() -> None:
    found = columns(DENSE_FIRST)
    loops = ("batch0", "batch1", "image0", "image1")
    assert (np.prod([found[f"vector_common_parallel[{name}]"] for name in loops], axis=0) <= 32 * 16).all()


def test_what_cannot_be_folded_stays_a_convolution() -> None:
    for of, folds in ((STRIDED_LAST, True), (DENSE_FIRST, True), (STRIDED_FIRST, False)):
        assert pooling.SPACE.serves("cpu", of) is folds
        assert convolution.SPACE.serves("cpu", of) is not folds
    assert not pooling.SPACE.serves("cuda", STRIDED_LAST)


@pytest.mark.runs
@pytest.mark.parametrize(
    "text",
    [samples.pooling("nhwc", 32, 12, 2), samples.pooling("nchw", 6, 16, 1)],
    ids=["strided, channels last", "dense, channels first"],
)
def test_samples_compute_what_the_default_does(
    text: str, samples_of: Samples, tmp_path: Path, target: CpuTarget
) -> None:
    extracted = extract_text(text, tmp_path, target)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    assert pooling.SPACE.serves("cpu", dispatch.problem)
    pool = enumerate_space(pooling.SPACE.build(dispatch.problem, extracted.limits))
    assert pooling.SPACE.configuration(dispatch.problem, pool.point(0)).pipeline == FOLDED_DOUBLE_TILING
    samples_of.check(dispatch, extracted.limits, tmp_path, samples=4)

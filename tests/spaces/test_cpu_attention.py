# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on llvm-cpu: its loops are told apart, features stay whole, samples compute what the default does."""

from __future__ import annotations

from pathlib import Path

import pytest

import samples
from extraction import extract_text
from space_samples import Samples
from tuner.constraints import enumerate_space
from tuner.dispatch import Loop, Operand, Problem
from tuner.spaces.cpu import attention
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget

AVX512 = Limits(vector_bytes=64, threads=1)
BATCH, QUERY, VALUE, FEATURE, KEY = range(5)


def problem(queries: int, keys: int, features: int, values: int) -> Problem:
    extents = (8, "parallel"), (queries, "parallel"), (values, "parallel"), (features, "k"), (keys, "k")
    operands = (BATCH, QUERY, FEATURE), (BATCH, KEY, FEATURE), (BATCH, KEY, VALUE), (), (BATCH, QUERY, VALUE)
    return Problem(
        "attention",
        tuple(Loop(extent, role) for extent, role in extents),
        tuple(Operand("f32", "", loops) for loops in operands),
    )


def test_features_are_summed_whole() -> None:
    whole = problem(128, 128, 64, 64)
    pool = enumerate_space(attention.SPACE.build(whole, AVX512))
    for row in (0, len(pool) // 2, len(pool) - 1):
        levels = attention.SPACE.configuration(whole, pool.point(row)).levels
        assert levels["vector_reduction"][FEATURE] == 0
        assert levels["vector_reduction"][KEY] > 0
        assert not levels["distribution"][KEY]


def test_both_products_of_a_step_fit_a_vector_and_their_sums_the_registers() -> None:
    pool = enumerate_space(attention.SPACE.build(problem(128, 1024, 256, 64), AVX512))
    columns = {knob.name: pool.rows[:, index] for index, knob in enumerate(pool.knobs)}
    queries, values = (columns[f"vector_common_parallel[parallel{place}]"] for place in (1, 2))
    keys = columns["vector_reduction[k1]"]
    assert (4 * queries * keys * 256 < 512 * 64).all()
    assert (4 * queries * keys * values < 512 * 64).all()
    assert (4 * queries * values <= 32 * 64).all()
    assert (values % 16 == 0).all()
    assert len(pool) >= 50


def test_ragged_sizes_leave_a_choice() -> None:
    assert len(enumerate_space(attention.SPACE.build(problem(1500, 1500, 64, 64), AVX512))) >= 50


def test_what_has_not_attentions_loops_is_not_served() -> None:
    known = problem(64, 64, 64, 64)
    query, key, _, *others = known.operands
    assert attention.SPACE.serves("cpu", known)
    assert not attention.SPACE.serves("cuda", known)
    assert not attention.SPACE.serves("cpu", Problem("attention", known.loops, (query, key, key, *others)))


@pytest.mark.runs
def test_samples_compute_what_the_default_does(samples_of: Samples, tmp_path: Path, target: CpuTarget) -> None:
    extracted = extract_text(samples.attention(2, 24, 32, 16, 32), tmp_path, target)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    assert dispatch.problem.kind == "attention"
    samples_of.check(dispatch, extracted.limits, tmp_path, samples=4)

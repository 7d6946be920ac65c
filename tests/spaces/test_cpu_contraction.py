# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The space of contractions on llvm-cpu: what is in it, what is not, and that the compiler takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Pool, enumerate_space, find_pool, sample_uniform, violated_rules
from tuner.dispatch import Loop, Operand, Problem
from tuner.dispatches.extract import Extracted
from tuner.outcome import Candidate, Fate
from tuner.spaces import find
from tuner.spaces.cpu.contraction import SPACE
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget

AVX512 = Limits(vector_bytes=64, threads=1)


# The knobs of a product of loops m (0), n (1) and k (2), by short names.
KNOBS = {
    "d0": "distribution[m]",
    "d1": "distribution[n]",
    "c2": "cache_reduction[k]",
    "v0": "vector_common_parallel[m]",
    "v1": "vector_common_parallel[n]",
    "v2": "vector_reduction[k]",
    "peel": "peel",
}


def contraction(*loops: tuple[str, int], element_type: str = "f32") -> Problem:
    """A contraction with its loops in the given order and row-major operands."""
    batch = [index for index, (role, _) in enumerate(loops) if role == "batch"]
    rows = [index for index, (role, _) in enumerate(loops) if role == "m"]
    columns = [index for index, (role, _) in enumerate(loops) if role == "n"]
    sums = [index for index, (role, _) in enumerate(loops) if role == "k"]
    operands = [batch + rows + sums, batch + sums + columns, batch + rows + columns]
    return Problem(
        "contraction",
        tuple(Loop(extent, role) for role, extent in loops),
        tuple(Operand(element_type, "", tuple(dims)) for dims in operands),
    )


def matmul(m: int, n: int, k: int, element_type: str = "f32") -> Problem:
    return contraction(("m", m), ("n", n), ("k", k), element_type=element_type)


def columns_of(pool: Pool) -> dict[str, np.ndarray]:
    """A product's columns by the short names of their knobs."""
    columns = {knob.name: pool.rows[:, index] for index, knob in enumerate(pool.knobs)}
    return {short: columns[name] for short, name in KNOBS.items()}


def point(**values: int) -> dict[str, int]:
    """A point of a product's space, by the short names of its knobs."""
    return {KNOBS[short]: value for short, value in values.items()}


# A size of many divisors takes seconds. Each session draws other ones.
@settings(max_examples=15, deadline=None)
@given(
    m=st.integers(1, 3000),
    n=st.integers(1, 3000),
    k=st.integers(1, 3000),
    element_type=st.sampled_from(["f32", "f64", "i8"]),
    vector_bytes=st.sampled_from([16, 32, 64]),
)
def test_every_size_has_solutions_that_obey_the_hard_rules(
    m: int, n: int, k: int, element_type: str, vector_bytes: int
) -> None:
    problem = matmul(m, n, k, element_type)
    # A size of many divisors (315x630x630) has millions of solutions, of which a run draws some.
    pool = find_pool(SPACE.build(problem, Limits(vector_bytes, 1)), samples=200, rng=np.random.default_rng(0))
    assert len(pool) > 0
    width = {"f32": 4, "f64": 8, "i8": 1}[element_type]
    columns = columns_of(pool)
    assert (width * columns["v0"] * columns["v1"] * columns["v2"] < 512 * vector_bytes).all()
    cached = columns["c2"] > 0
    assert (width * columns["d0"] * columns["d1"] < 512 * vector_bytes)[cached].all()
    for tile, vector, extent in (("d0", "v0", m), ("d1", "v1", n)):
        rest = columns[tile] % columns[vector] != 0
        assert (extent % columns[vector][rest] == 0).all()
        assert ((columns[tile] % 2 == 1) | (columns[vector] % 2 == 1))[rest].all()


def test_the_compilers_defaults_for_sizes_without_even_divisors_are_inside() -> None:
    for sizes, tiles in (((5124, 9124, 2560), (61, 64, 7, 4)), ((35, 8457, 2560), (35, 64, 7, 3))):
        d0, d1, v0, v1 = tiles
        space = SPACE.build(matmul(*sizes), AVX512)
        assert violated_rules(space, point(d0=d0, d1=d1, c2=0, v0=v0, v1=v1, v2=16, peel=0)) == ()


def test_the_best_known_configurations_are_inside() -> None:
    pool = enumerate_space(SPACE.build(matmul(2048, 2048, 2048), AVX512))
    assert pool.find(point(d0=256, d1=32, c2=0, v0=8, v1=32, v2=4, peel=0)) is not None
    pool = enumerate_space(SPACE.build(matmul(1, 4096, 4096), AVX512))
    assert pool.find(point(d0=1, d1=2048, c2=16, v0=1, v1=64, v2=8, peel=0)) is not None


def test_what_the_compiler_refuses_is_outside() -> None:
    pool = enumerate_space(SPACE.build(matmul(2048, 2048, 2048), AVX512))
    columns = columns_of(pool)
    assert not ((columns["v0"] * columns["v1"] * columns["v2"]) >= 8192).any()
    assert not (columns["peel"] == 1).any()
    assert not (2048 % columns["d1"] != 0).any()


def test_sizes_without_divisors_may_leave_remainders_and_peel_them() -> None:
    pool = enumerate_space(SPACE.build(matmul(301, 733, 511), AVX512))
    peel = pool.rows[:, [knob.name for knob in pool.knobs].index("peel")]
    assert set(peel.tolist()) == {0, 1}


def test_more_threads_ask_for_more_workgroups() -> None:
    problem = matmul(64, 64, 64)
    for row in enumerate_space(SPACE.build(problem, Limits(64, 8))).rows.tolist()[::97]:
        d0, d1 = row[1], row[3]
        assert -(-64 // d0) * -(-64 // d1) >= 8


def test_levels_tile_only_the_loops_they_may() -> None:
    problem = contraction(("batch", 4), ("m", 32), ("n", 64), ("k", 48))
    pool = enumerate_space(SPACE.build(problem, AVX512))
    for row in sample_uniform(pool, 50, np.random.default_rng(0)):
        levels = SPACE.configuration(problem, pool.point(row)).levels
        assert levels["distribution"][3] == levels["vector_common_parallel"][3] == 0
        assert levels["vector_reduction"][:3] == (0, 0, 0)
        assert levels["vector_common_parallel"][0] == 1


def test_it_serves_contractions_on_the_cpu_only() -> None:
    assert find("cpu", matmul(8, 8, 8)) is not None
    assert find("vulkan", matmul(8, 8, 8)) is None
    assert find("cpu", matmul(8, 8, 8, "f8E4M3FN")) is None


@pytest.mark.parametrize("seed", [0])
def test_the_compiler_takes_what_is_sampled(seed: int, fused: Extracted, target: CpuTarget, tmp_path: Path) -> None:
    (dispatch,) = fused.dispatches
    assert dispatch.problem is not None
    assert dispatch.program is not None
    pool = enumerate_space(SPACE.build(dispatch.problem, fused.limits))
    rows = sample_uniform(pool, 30, np.random.default_rng(seed))
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(row, configuration=SPACE.configuration(dispatch.problem, pool.point(row))),
            target,
            tmp_path / f"{row}.vmfb",
            tmp_path / f"{row}.log",
        )
        for row in rows
    ]
    with CompilePool(2, 60.0) as compilers:
        ends = compilers.compile(jobs)
    compiled = [end for end in ends if end.fate is Fate.COMPILED]
    assert len(compiled) >= 0.95 * len(jobs), [end.detail for end in ends]

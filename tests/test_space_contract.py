# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every registered space keeps to, ours and others'."""

from __future__ import annotations

import numpy as np
import pytest

from tuner import registry
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Loop, LoopRole, Operand, Problem
from tuner.spaces import SpaceBuilder
from tuner.targets import Limits

LIMITS = (Limits(vector_bytes=16, threads=1), Limits(vector_bytes=64, threads=4))


def problem(kind: str, loops: list[tuple[LoopRole, int]], *operands: tuple[int, ...]) -> Problem:
    return Problem(
        kind, tuple(Loop(extent, role) for role, extent in loops), tuple(Operand("f32", "", each) for each in operands)
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
CASES = [
    pytest.param(name, each, id=f"{name}: {each.label}")
    for name in registry.names("tuner.spaces")
    for each in PROBLEMS
    if registry.load("tuner.spaces", name).serves("cpu", each)
]


def test_every_kind_has_a_space() -> None:
    served = {each.values[1] for each in CASES}
    assert served == set(PROBLEMS)


@pytest.mark.parametrize(("name", "case"), CASES)
@pytest.mark.parametrize("limits", LIMITS, ids=["16 bytes, 1 thread", "64 bytes, 4 threads"])
def test_points_are_configurations_of_the_problem(name: str, case: Problem, limits: Limits) -> None:
    builder: SpaceBuilder = registry.load("tuner.spaces", name)
    space = builder.build(case, limits)
    assert all(rule.name and rule.source for rule in space.rules)
    pool = enumerate_space(space)
    assert len(pool) > 0
    seen = set()
    for row in sample_uniform(pool, 20, np.random.default_rng(0)):
        configuration = builder.configuration(case, pool.point(row))
        assert configuration == builder.configuration(case, pool.point(row))
        assert configuration.pipeline
        for level, sizes in configuration.levels.items():
            assert len(sizes) == len(case.loops), level
            assert all(0 <= size <= loop.extent for size, loop in zip(sizes, case.loops, strict=True)), level
            reduces = "reduction" in level
            assert not any(size and loop.is_parallel == reduces for size, loop in zip(sizes, case.loops, strict=True))
        seen.add(str(configuration.to_json()))
    assert len(seen) == min(20, len(pool))


@pytest.mark.parametrize("name", registry.names("tuner.spaces"))
def test_a_space_refuses_what_is_not_its_own(name: str) -> None:
    builder: SpaceBuilder = registry.load("tuner.spaces", name)
    assert not builder.serves("no such target", PROBLEMS[0])
    assert not builder.serves("cpu", problem("no such kind", [("parallel", 4)], (0,)))

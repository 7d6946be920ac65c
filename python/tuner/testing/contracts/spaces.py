# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a space, on problems of every kind that ours serve."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Configuration, Problem
from tuner.spaces import SpaceBuilder
from tuner.targets import Limits
from tuner.testing.problems import LIMITS, PROBLEMS, problem

SAMPLES = 20


class SpaceContract:
    """What every space keeps to. Give `space` as a fixture, and `problems` if ours are none of its own.

    `problems` maps the name of a target to problems; those that the space serves are tried, with all limits.
    """

    @pytest.fixture
    def space(self) -> SpaceBuilder:
        """The space under test."""
        raise NotImplementedError("override the fixture `space`")

    @pytest.fixture
    def problems(self) -> Mapping[str, tuple[Problem, ...]]:
        """By target."""
        return PROBLEMS

    def test_it_serves_a_problem(self, space: SpaceBuilder, problems: Mapping[str, tuple[Problem, ...]]) -> None:
        assert any(space.serves(target, case) for target, cases in problems.items() for case in cases)

    def test_points_are_configurations_of_the_problem(
        self, space: SpaceBuilder, problems: Mapping[str, tuple[Problem, ...]]
    ) -> None:
        for target, cases in problems.items():
            for case in cases:
                for limits in LIMITS[target] if space.serves(target, case) else ():
                    check_points(space, case, limits)

    def test_it_refuses_what_is_not_its_own(
        self, space: SpaceBuilder, problems: Mapping[str, tuple[Problem, ...]]
    ) -> None:
        for target, cases in problems.items():
            assert not space.serves(target, problem("no such kind", [("parallel", 4)], (0,)))
            assert not any(space.serves("no such target", case) for case in cases)

    def test_it_has_a_priority(self, space: SpaceBuilder) -> None:
        assert isinstance(space.priority, int)


def check_points(space: SpaceBuilder, case: Problem, limits: Limits) -> None:
    """Asserts that a space has points for a problem, and that they stand for different configurations of it."""
    built = space.build(case, limits)
    assert all(rule.name and rule.source for rule in built.rules), case.label
    pool = enumerate_space(built)
    assert len(pool) > 0, case.label
    seen = set()
    for row in sample_uniform(pool, SAMPLES, np.random.default_rng(0)):
        configuration = space.configuration(case, pool.point(row))
        assert configuration == space.configuration(case, pool.point(row))
        assert configuration.pipeline
        if limits.gpu is None:
            check_levels(configuration.levels, case)
        else:
            check_threads(configuration, limits)
        seen.add(str(configuration.to_json()))
    assert len(seen) == min(SAMPLES, len(pool)), case.label


def check_levels(levels: Mapping[str, tuple[int, ...]], case: Problem) -> None:
    """Asserts that each level has a size for each loop, none beyond its extent, and none of the wrong sort of loop."""
    for level, sizes in levels.items():
        assert len(sizes) == len(case.loops), level
        assert all(0 <= size <= loop.extent for size, loop in zip(sizes, case.loops, strict=True)), level
        reduces = "reduction" in level
        assert not any(size and loop.is_parallel == reduces for size, loop in zip(sizes, case.loops, strict=True))


def check_threads(configuration: Configuration, limits: Limits) -> None:
    """Asserts that a workgroup's threads fill subgroups, exceed no limit, and are as many as the tiles ask for.

    Those of the pipeline Distribute need fill no subgroup: by IREE's default 7 x 7 threads copy an image of that size.
    """
    settings, gpu = configuration.gpu, limits.gpu
    assert settings is not None
    assert gpu is not None
    threads = math.prod(settings.workgroup_size)
    assert threads <= gpu.max_workgroup_threads
    assert settings.subgroup_size in gpu.subgroup_sizes
    assert configuration.pipeline == "Distribute" or threads % settings.subgroup_size == 0
    levels = configuration.levels
    if "lane_basis" in levels:
        assert math.prod(levels["lane_basis"]) == settings.subgroup_size
        assert math.prod(levels["subgroup_basis"]) * settings.subgroup_size == threads
    if "thread" in levels and "subgroup" not in levels and "lane_basis" not in levels:
        tiles = zip(levels["workgroup"], levels["thread"], strict=True)
        assert math.prod(tile // part for tile, part in tiles if tile) == threads

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data-tiled matrix products (linalg.mmt4d) on llvm-cpu by Mmt4dTilingExpert.

The compiler has packed the operands. The inner three loops are one register tile, which is taken whole. The knobs say
how many of these tiles a workgroup takes, and how many a vector, by loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    Tiles,
    division_rules,
    follow,
    has_known_types,
    levels,
    size_rules,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors, ordered, powers_of_two
from tuner.targets import Limits

_INNER_LOOPS = 3
_MOST_WORKGROUP_TILES = 16
_MOST_OUTER_VECTOR = 2
_MOST_REDUCTION_VECTOR = 8


@dataclass(frozen=True, slots=True)
class Mmt4d:
    """The outer loops are tiled, the inner ones are not distributed."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "mmt4d" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        first_inner = len(problem.loops) - _INNER_LOOPS

        def vectors(index: int, loop: Loop) -> Tiles:
            return (loop.extent,) if index >= first_inner else _outer_vector_tiles(loop)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return () if index >= first_inner else workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES)

        tiled = tiling(problem, vectors, workgroups)
        packed = math.prod(loop.extent for loop in problem.loops[first_inner:] if loop.is_parallel)
        rules = division_rules(problem, tiled) + size_rules(problem, limits, tiled, fixed_elements=packed)
        return Space(tiled.knobs, (*rules, *thread_rules(problem, limits, tiled)))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration("Mmt4dTilingExpert", root, others=follow(problem, root))


SPACE = Mmt4d()


def _outer_vector_tiles(loop: Loop) -> Tiles:
    if loop.role == "batch":
        return (1,)
    limit = _MOST_REDUCTION_VECTOR if loop.role == "k" else _MOST_OUTER_VECTOR
    return ordered(tile for tile in powers_of_two(limit) if loop.extent % tile == 0)

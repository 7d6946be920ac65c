# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions on llvm-cpu by DoubleTilingExpert: sums and maxima, and what is built of them (softmax, norms).

The search tiles the root op, the dispatch's last reduction. The ops around it follow: a softmax fails without their
configurations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    Tiles,
    division_rules,
    follow,
    has_known_types,
    lanes,
    levels,
    size_rules,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors, ordered, powers_of_two
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 16
_MOST_VECTORS = 8
_MOST_SCALARS = 16


@dataclass(frozen=True, slots=True)
class Reduction:
    """Parallel loops and reduced loops, either of which may be contiguous in memory."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "reduction" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        contiguous = problem.operands[0].loops[-1] if problem.operands[0].loops else -1

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loop, index == contiguous, width)

        tiled = tiling(problem, vectors, _workgroup_tiles)
        rules = division_rules(problem, tiled) + size_rules(problem, limits, tiled)
        return Space(tiled.knobs, (*rules, *thread_rules(problem, limits, tiled)))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration("DoubleTilingExpert", root, others=follow(problem, root))


SPACE = Reduction()


def _workgroup_tiles(index: int, loop: Loop) -> Tiles:
    del index
    return workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES)


def _vector_tiles(loop: Loop, is_contiguous: bool, width: int) -> Tiles:
    """Along memory whole vectors, which may leave a remainder of a reduced loop, or half ones of a parallel loop.

    Elsewhere a few elements.
    """
    tiles = divisors(loop.extent)
    if is_contiguous and loop.extent >= width:
        # A parallel loop's vectors divide its workgroup's tile, and that the loop.
        halves = [tile for tile in tiles if tile % max(1, width // 2) == 0 and tile <= _MOST_VECTORS * width]
        vectors = [width * count for count in powers_of_two(_MOST_VECTORS) if width * count <= loop.extent]
        return ordered((halves or [1]) if loop.is_parallel else vectors)
    return ordered(tile for tile in tiles if tile <= _MOST_SCALARS)

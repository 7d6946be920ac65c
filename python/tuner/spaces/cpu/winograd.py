# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Winograd's transforms on llvm-cpu by LinalgExtTileAndVectorize: what a workgroup takes.

One tile of one channel is transformed at a time. IREE 3.13 takes transforms apart only so: of 72 samples with vectors
of several channels or tiles 64 did not compile, six of them because the compiler died, and 8 were wrong.
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
    levels,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 12


@dataclass(frozen=True, slots=True)
class Winograd:
    """All loops are parallel: over images, their tiles and channels, or over both channels of filters."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "winograd" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        tiled = tiling(problem, _vector_tiles, _workgroup_tiles)
        return Space(tiled.knobs, (*division_rules(problem, tiled), *thread_rules(problem, limits, tiled)))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration("LinalgExtTileAndVectorize", root, others=follow(problem, root))


SPACE = Winograd()


def _workgroup_tiles(index: int, loop: Loop) -> Tiles:
    del index
    return workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES)


def _vector_tiles(index: int, loop: Loop) -> Tiles:
    del index, loop
    return (1,)

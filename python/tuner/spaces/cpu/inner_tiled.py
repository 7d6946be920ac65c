# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of tiles (iree_codegen.inner_tiled) on llvm-cpu by Mmt4dTilingExpert.

The compiler has packed the operands for an instruction, whose tile a vector takes. The knobs say how many of these
tiles a workgroup takes, how many steps of the sum are unrolled, and into which parts the sum is cut
(tuner.spaces.cpu.parts).

Source: probed with IREE 3.13 on 512 x 1024 x 4096. The pipeline ignores cache tiles: parts need a list of passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.parts import has_parts, part_knobs, part_rules, with_part
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
from tuner.spaces.tiles import divisors, powers_of_two
from tuner.targets import Limits
from tuner.targets.cpu_pipelines import INNER_TILED_BY_PARTS

_MOST_WORKGROUP_TILES = 16
_MOST_REDUCTION_VECTOR = 8
# The output's tiles of a workgroup become one vector, and the compiler refuses large ones: 18 of 29 x 16 numbers.
_MOST_TILES_BY_PARTS = 16


@dataclass(frozen=True, slots=True)
class InnerTiled:
    """All loops are over tiles; those of the output are distributed."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "inner-tiled" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        tiled = tiling(problem, _vector_tiles, _workgroup_tiles)
        parts = part_knobs(problem)
        rules = [
            *division_rules(problem, tiled),
            *thread_rules(problem, limits, tiled),
            *part_rules(tiled, parts, _MOST_TILES_BY_PARTS),
        ]
        return Space((*tiled.knobs, *parts), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        pipeline = INNER_TILED_BY_PARTS if has_parts(problem, point) else "Mmt4dTilingExpert"
        return Configuration(pipeline, with_part(problem, point, root), others=follow(problem, root))


SPACE = InnerTiled()


def _workgroup_tiles(index: int, loop: Loop) -> Tiles:
    del index
    return workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES)


def _vector_tiles(index: int, loop: Loop) -> Tiles:
    """One tile of the output: two take 66 and 91 ms instead of 40 ms."""
    del index
    if loop.is_parallel:
        return (1,)
    return tuple(tile for tile in powers_of_two(_MOST_REDUCTION_VECTOR) if loop.extent % tile == 0)

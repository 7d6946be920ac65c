# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Moves into tiles and out of them on llvm-cpu by DataTiling.

By default a tensor is packed an element at a time unless its rows become columns of tiles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    VECTOR_REGISTERS,
    Tiles,
    division_rules,
    follow,
    has_known_types,
    lanes,
    levels,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors, ordered, powers_of_two, product
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 12
_MOST_VECTOR = 32


@dataclass(frozen=True, slots=True)
class Packing:
    """All loops are parallel: over the tiles that a pack writes, over the elements that an unpack writes."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "packing" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        unpacked = _unpacked(problem)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return _workgroup_tiles(loop.extent, unpacked.get(index, 1))

        tiled = tiling(problem, _vector_tiles, workgroups)
        most = VECTOR_REGISTERS * lanes(problem, limits)
        fits = Rule(
            f"the {most} elements of a vector fit the vector registers",
            _elements(problem) * product(tiled.vector.values()) <= most,
            "estimate: 32 architectural vector registers",
        )
        rules = (fits, *division_rules(problem, tiled), *thread_rules(problem, limits, tiled))
        return Space(tiled.knobs, rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration("DataTiling", root, others=follow(problem, root))


SPACE = Packing()


def _elements(problem: Problem) -> int:
    """The elements that an iteration moves: a tile's in a pack, one in an unpack."""
    return math.prod(int(size) for size in re.findall(r"\* (\d+)", problem.operands[0].indexing_map))


def _unpacked(problem: Problem) -> dict[int, int]:
    """The size of the tiles that an unpack takes apart, by the loop."""
    found = re.findall(r"d(\d+) mod (\d+)", problem.operands[0].indexing_map)
    return {int(loop): int(size) for loop, size in found}


def _workgroup_tiles(extent: int, unpacked: int) -> Tiles:
    """Divisors, and powers of two: vectors that do not divide the loop are masked at its end.

    Source: a workgroup that takes parts of tiles first unpacks whole ones onto its stack (probed: 13 of 80 candidates
    exceed it).
    """
    tiles = [tile for tile in (*divisors(extent), *powers_of_two(extent)) if tile % unpacked == 0]
    return workgroup_tiles(ordered(tiles or [unpacked]), _MOST_WORKGROUP_TILES)


def _vector_tiles(index: int, loop: Loop) -> Tiles:
    del index
    return ordered(powers_of_two(min(_MOST_VECTOR, loop.extent)))

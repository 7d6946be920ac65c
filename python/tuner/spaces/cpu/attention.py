# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on llvm-cpu by LinalgExtTileAndVectorize: two products with a softmax between them, a tile of keys a step.

A workgroup takes a tile of queries by values and iterates over tiles of keys. IREE's default has vectors of one query,
so each vector that is loaded is used once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.attention import AttentionLoops, attention_loops
from tuner.spaces.cpu.tiles import (
    LARGE_VECTORS,
    VECTOR_REGISTERS,
    Tiles,
    Tiling,
    division_rules,
    follow,
    has_known_types,
    lanes,
    levels,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors, ordered
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 8
_MOST_QUERIES, _MOST_VECTORS, _MOST_KEYS = 16, 4, 64
# Bytes of an element of the sums, which are f32 whatever the operands are.
_SUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class Attention:
    """Queries, values and keys have tiles; features are summed whole, since the softmax needs their sum."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target == "cpu"
            and problem.kind == "attention"
            and has_known_types(problem)
            and attention_loops(problem) is not None
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        loops, width = _loops(problem), lanes(problem, limits)

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loops, index, loop.extent, width)

        tiled = tiling(problem, vectors, _workgroup_tiles)
        rules = [*division_rules(problem, tiled), *thread_rules(problem, limits, tiled)]
        return Space(tiled.knobs, (*rules, *_size_rules(problem, limits, tiled)))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        features = _loops(problem).features
        root["vector_reduction"] = tuple(
            0 if index == features else tile for index, tile in enumerate(root["vector_reduction"])
        )
        return Configuration("LinalgExtTileAndVectorize", root, others=follow(problem, root))


SPACE = Attention()


def _loops(problem: Problem) -> AttentionLoops:
    loops = attention_loops(problem)
    if loops is None:
        raise ValueError(f"the loops of {problem.label} have not the roles of attention")
    return loops


def _workgroup_tiles(index: int, loop: Loop) -> Tiles:
    del index
    return workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES)


def _vector_tiles(loops: AttentionLoops, index: int, extent: int, width: int) -> Tiles:
    """Whole vectors of values, or what divides them; a few queries; any tile of keys that divides them."""
    tiles = divisors(extent)
    if index == loops.features:
        return (extent,)
    if index == loops.values:
        whole = [tile for tile in tiles if tile % width == 0 and tile <= _MOST_VECTORS * width]
        return ordered(whole or [tile for tile in tiles if tile <= width])
    if index == loops.queries:
        return ordered(tile for tile in tiles if tile <= _MOST_QUERIES)
    if index == loops.keys:
        return ordered(tile for tile in tiles if tile <= _MOST_KEYS)
    return (1,)


def _size_rules(problem: Problem, limits: Limits, tiled: Tiling) -> list[Rule]:
    """The rules on the sizes of the two products of a step."""
    loops = _loops(problem)
    queries, values, keys = (tiled.vector[index] for index in (loops.queries, loops.values, loops.keys))
    most, registers = LARGE_VECTORS * limits.vector_bytes, VECTOR_REGISTERS * limits.vector_bytes
    features = problem.loops[loops.features].extent
    return [
        Rule(
            f"each product of a step stays under {most} bytes",
            z3.And(_SUM_BYTES * features * queries * keys < most, _SUM_BYTES * queries * values * keys < most),
            "probed: the compiler refuses larger vectors",
        ),
        Rule(
            "the sums of each product fit the vector registers",
            z3.And(_SUM_BYTES * queries * values <= registers, _SUM_BYTES * queries * keys <= registers),
            "estimate: 32 architectural vector registers",
        ),
    ]

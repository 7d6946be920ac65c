# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data-tiled matrix products (linalg.mmt4d) on llvm-cpu by Mmt4dTilingExpert.

The compiler has packed the operands. The inner three loops are one register tile, which is taken whole. The knobs say
how many of these tiles a workgroup takes, and how many a vector.

With microkernels (IREE's default on x86-64 and AArch64) a vector tile of the output is one call, which sums by itself.
A knob says whether the product is a call or generated code. Another cuts the sum into parts (tuner.spaces.cpu.parts).

Source: measured with IREE 3.13. Generated code is fast by one tile and one step of the sum only: 2, 4 and 8 steps take
4.0 to 5.4 ms on 96 x 196 x 576 in place of 0.2, and several tiles of a vector 0.03 to 0.06 ms on 1 x 384 x 512 in place
of 0.013. In calls steps make the same binary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.parts import has_parts, part_knobs, part_rules, with_part
from tuner.spaces.cpu.tiles import (
    Tiles,
    Tiling,
    division_rules,
    follow,
    has_known_types,
    levels,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import ELEMENT_BYTES, divisors, ordered, powers_of_two, product
from tuner.targets import Limits
from tuner.targets.cpu_pipelines import (
    MMT4D_BY_PARTS,
    MMT4D_BY_PARTS_WITHOUT_MICROKERNELS,
    MMT4D_WITHOUT_MICROKERNELS,
)

_INNER_LOOPS = 3
_MOST_WORKGROUP_TILES = 16
# Tiles of the output in a call: as much of the ops that are fused with the product is one vector.
_MOST_IN_CALL = 8
# What the compiler allows a workgroup by default.
_STACK_BYTES = 32768
_MICROKERNEL = "microkernel"
# By whether sums are cut into parts, and whether products are calls.
_PIPELINES = {
    (False, False): MMT4D_WITHOUT_MICROKERNELS,
    (False, True): "Mmt4dTilingExpert",
    (True, False): MMT4D_BY_PARTS_WITHOUT_MICROKERNELS,
    (True, True): MMT4D_BY_PARTS,
}
# Element types of operands and sums that IREE has microkernels for. Source: CPULowerToUKernels.cpp.
_MICROKERNEL_TYPES = frozenset(
    {
        ("f32", "f32", "f32"),
        ("f16", "f16", "f32"),
        ("f16", "f16", "f16"),
        ("bf16", "bf16", "f32"),
        ("bf16", "bf16", "bf16"),
        ("i8", "i8", "i32"),
        ("i16", "i8", "i32"),
        ("i16", "i16", "i32"),
    }
)


@dataclass(frozen=True, slots=True)
class Mmt4d:
    """The outer loops are tiled, the inner ones are not distributed."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "mmt4d" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        first_inner = len(problem.loops) - _INNER_LOOPS
        types = tuple(operand.element_type for operand in problem.operands)
        may_call = limits.microkernels and types in _MICROKERNEL_TYPES

        def vectors(index: int, loop: Loop) -> Tiles:
            if index >= first_inner:
                return (loop.extent,)
            return _tiles_of_call(loop) if may_call else (1,)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return () if index >= first_inner else _workgroup_tiles(loop.extent)

        tiled = tiling(problem, vectors, workgroups)
        parts = part_knobs(problem)
        rules = [
            *division_rules(problem, tiled),
            *thread_rules(problem, limits, tiled),
            *part_rules(tiled, parts, _STACK_BYTES // _tile_bytes(problem)),
        ]
        if not may_call:
            return Space((*tiled.knobs, *parts), tuple(rules))
        called = Knob(_MICROKERNEL, (0, 1))
        in_vector = product(tiled.vector[index] for index in range(first_inner))
        rules += [*_remainder_rules(problem, tiled), _vector_rule(in_vector, called.var == 1)]
        return Space((*tiled.knobs, *parts, called), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        pipeline = _PIPELINES[has_parts(problem, point), point.get(_MICROKERNEL, 1) == 1]
        return Configuration(pipeline, with_part(problem, point, root), others=follow(problem, root))


SPACE = Mmt4d()


def _workgroup_tiles(extent: int) -> Tiles:
    """Divisors, and powers of two and their triples, which may leave a remainder of tiles to the last workgroup."""
    triples = [3 * tile for tile in powers_of_two(extent // 3)]
    return ordered([*workgroup_tiles(divisors(extent), _MOST_WORKGROUP_TILES), *powers_of_two(extent), *triples])


def _tile_bytes(problem: Problem) -> int:
    """The bytes of a tile of the output."""
    inner = problem.loops[-_INNER_LOOPS:]
    return ELEMENT_BYTES[problem.operands[-1].element_type] * prod(loop.extent for loop in inner if loop.is_parallel)


def _tiles_of_call(loop: Loop) -> Tiles:
    tiles = divisors(loop.extent) if loop.role in ("m", "n") else [1]
    return ordered(tile for tile in tiles if tile <= _MOST_IN_CALL)


def _remainder_rules(problem: Problem, tiled: Tiling) -> list[Rule]:
    return [
        Rule(
            f"a workgroup's tile divides loop {problem.loop_names[index]}, or vectors take one tile",
            z3.Or(problem.loops[index].extent % tile == 0, tiled.vector[index] == 1),
            "a vector of several tiles would leave a remainder",
        )
        for index, tile in tiled.workgroup.items()
    ]


def _vector_rule(in_vector: z3.ArithRef, is_call: z3.BoolRef) -> Rule:
    return Rule(
        f"a vector takes one tile of the output, or up to {_MOST_IN_CALL} if it is a call",
        z3.And(in_vector <= _MOST_IN_CALL, z3.Or(is_call, in_vector == 1)),
        "measured: generated code for several takes twice to four times as long, or needs memory that it cannot get",
    )

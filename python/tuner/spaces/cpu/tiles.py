# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spaces of llvm-cpu share: a tile for each loop and level, limits on tiles, how other ops follow the root op.

Every loop has a vector tile, and a loop that is distributed has a workgroup's tile. Knobs are named after the level of
IREE and the loop, as in `distribution[m]` and `vector_reduction[k]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import z3

from tuner.constraints import Knob, Rule
from tuner.dispatch import Loop, Problem
from tuner.spaces.tiles import ELEMENT_BYTES, knob_name, ordered, product, thinned
from tuner.targets import Limits

Tiles = tuple[int, ...]

# The compiler refuses vectors of this many native vectors and more (probed).
LARGE_VECTORS = 512
# An accumulator that does not fit the register file spills; 32 registers is the most that x86-64 and AArch64 have.
VECTOR_REGISTERS = 32
DIVIDING_TILES = "measured on contractions: tiles that divide at every level 10.3 ms, others 21.3 ms"
_DISTRIBUTION, _PARALLEL, _REDUCTION = "distribution", "vector_common_parallel", "vector_reduction"


def has_known_types(problem: Problem) -> bool:
    """Whether the rules know the size of every element type."""
    return all(operand.element_type in ELEMENT_BYTES for operand in problem.operands)


def lanes(problem: Problem, limits: Limits) -> int:
    """The elements of the output in one native vector."""
    return max(1, limits.vector_bytes // ELEMENT_BYTES[problem.operands[-1].element_type])


def widest_bytes(problem: Problem) -> int:
    """The bytes of the widest element."""
    return max(ELEMENT_BYTES[operand.element_type] for operand in problem.operands)


def workgroup_tiles(tiles: Sequence[int], count: int) -> Tiles:
    """About `count` of the tiles, and all powers of two among them: the compiler's default is one as a rule."""
    return ordered([*thinned(tiles, count), *(tile for tile in tiles if tile & (tile - 1) == 0)])


@dataclass(frozen=True, slots=True)
class Tiling:
    """The knobs of the tiles that all spaces have, and these tiles by the number of their loop."""

    knobs: tuple[Knob, ...]
    vector: Mapping[int, z3.ArithRef]
    workgroup: Mapping[int, z3.ArithRef]
    accumulator: tuple[z3.ArithRef, ...]


def tiling(
    problem: Problem,
    vector_tiles: Callable[[int, Loop], Tiles],
    tiles_of_workgroup: Callable[[int, Loop], Tiles],
) -> Tiling:
    """A vector tile for each loop, and a workgroup's tile for each parallel loop; () if a loop is not distributed."""
    knobs: list[Knob] = []
    vector: dict[int, z3.ArithRef] = {}
    workgroup: dict[int, z3.ArithRef] = {}
    for index, loop in enumerate(problem.loops):
        tile = Knob(vector_knob(problem, index), vector_tiles(index, loop))
        knobs.append(tile)
        vector[index] = tile.var
        if loop.is_parallel and (tiles := tiles_of_workgroup(index, loop)):
            tile = Knob(workgroup_knob(problem, index), tiles)
            knobs.append(tile)
            workgroup[index] = tile.var
    accumulator = tuple(tile for index, tile in vector.items() if problem.loops[index].is_parallel)
    return Tiling(tuple(knobs), vector, workgroup, accumulator)


def vector_knob(problem: Problem, index: int) -> str:
    """The name of the knob of a loop's vector tile."""
    return knob_name(_PARALLEL if problem.loops[index].is_parallel else _REDUCTION, problem.loop_names[index])


def workgroup_knob(problem: Problem, index: int) -> str:
    """The name of the knob of a loop's tile of a workgroup."""
    return knob_name(_DISTRIBUTION, problem.loop_names[index])


def division_rules(problem: Problem, tiled: Tiling) -> list[Rule]:
    """The rules that a vector tile divides the workgroup's tile of its loop."""
    return [
        Rule(
            f"a vector tile divides the workgroup's tile of loop {problem.loop_names[index]}",
            tile % tiled.vector[index] == 0,
            DIVIDING_TILES,
        )
        for index, tile in tiled.workgroup.items()
    ]


def size_rules(problem: Problem, limits: Limits, tiled: Tiling) -> list[Rule]:
    """The rules on the size of a vector tile over all loops, and of the output's part of it."""
    most = LARGE_VECTORS * limits.vector_bytes
    registers = VECTOR_REGISTERS * lanes(problem, limits)
    return [
        Rule(
            f"a vector tile of all loops stays under {most} bytes",
            widest_bytes(problem) * product(tiled.vector.values()) < most,
            "probed: the compiler refuses larger vectors",
        ),
        Rule(
            f"the output's {registers} elements fit the vector registers",
            product(tiled.accumulator) <= registers,
            "estimate: 32 architectural vector registers; tiles that spill are slow to compile and to run",
        ),
    ]


def thread_rules(problem: Problem, limits: Limits, tiled: Tiling) -> list[Rule]:
    """The rule that every thread gets a workgroup."""
    if limits.threads == 1:
        return []
    extents = {index: problem.loops[index].extent for index in tiled.workgroup}
    wanted = min(limits.threads, prod(extents.values()))
    counts = [(extents[index] + tile - 1) / tile for index, tile in tiled.workgroup.items()]
    return [
        Rule(
            f"at least {wanted} workgroups, one for each thread",
            product(counts) >= wanted,
            "a thread without a workgroup idles",
        )
    ]


def levels(problem: Problem, point: Mapping[str, int]) -> dict[str, Tiles]:
    """The tiles of a point by level, one for each loop; a loop without a knob at a level is not tiled there."""
    names = problem.loop_names
    found = {
        level: tuple(point.get(knob_name(level, name), 0) for name in names)
        for level in (_DISTRIBUTION, _PARALLEL, _REDUCTION)
    }
    if all(loop.is_parallel for loop in problem.loops):
        del found[_REDUCTION]
    return found


def follow(problem: Problem, root: Mapping[str, Tiles]) -> dict[int, dict[str, Tiles]]:
    """The levels of a dispatch's other ops: the compiler's own, with the root op's vectors in loops that they share.

    Source: in IREE's defaults an op that is fused with the root op has its tile in each loop that they share.
    """
    parallel, reduction = root.get(_PARALLEL, ()), root.get(_REDUCTION, ())
    others: dict[int, dict[str, Tiles]] = {}
    for follower in problem.followers:
        followed: dict[str, Tiles] = {}
        for name, sizes in follower.levels:
            tiles = list(sizes)
            for place, loop in enumerate(follower.loops[: len(sizes)]):
                if loop < 0 or not sizes[place]:
                    continue
                source = parallel if problem.loops[loop].is_parallel else reduction
                if loop < len(source) and source[loop]:
                    tiles[place] = source[loop]
            followed[name] = tuple(tiles)
        others[follower.number] = followed
    return others

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tile sizes worth asking for on llvm-cpu, the limits on them, and how a dispatch's other ops follow its root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import z3

from tuner.constraints import Rule
from tuner.dispatch import Problem
from tuner.targets import Limits

ELEMENT_BYTES = {"f64": 8, "i64": 8, "f32": 4, "i32": 4, "f16": 2, "bf16": 2, "i16": 2, "i8": 1}

# The compiler refuses vectors of this many native vectors and more (probed).
LARGE_VECTORS = 512
# An accumulator that does not fit the register file spills; 32 registers is the most that x86-64 and AArch64 have.
VECTOR_REGISTERS = 32


def has_known_types(problem: Problem) -> bool:
    """Whether every element type is one whose size the rules know."""
    return all(operand.element_type in ELEMENT_BYTES for operand in problem.operands)


def lanes(problem: Problem, limits: Limits) -> int:
    """The elements of the output in one native vector."""
    return max(1, limits.vector_bytes // ELEMENT_BYTES[problem.operands[-1].element_type])


def widest_bytes(problem: Problem) -> int:
    """The bytes of the widest element."""
    return max(ELEMENT_BYTES[operand.element_type] for operand in problem.operands)


def divisors(extent: int) -> list[int]:
    """All divisors, ascending."""
    return [tile for tile in range(1, extent + 1) if extent % tile == 0]


def powers_of_two(limit: int) -> list[int]:
    """1, 2, 4 … up to the limit."""
    return [1 << bit for bit in range(limit.bit_length()) if 1 << bit <= limit]


def ordered(tiles: Iterable[int]) -> tuple[int, ...]:
    """A domain: each tile once, ascending."""
    return tuple(sorted(set(tiles)))


def thinned(tiles: Sequence[int], count: int) -> tuple[int, ...]:
    """At most `count` of the tiles, the first and the last among them, evenly spread."""
    if len(tiles) <= count:
        return tuple(tiles)
    return ordered(tiles[round(index * (len(tiles) - 1) / (count - 1))] for index in range(count))


def workgroup_tiles(tiles: Sequence[int], count: int) -> tuple[int, ...]:
    """About `count` of the tiles, and all powers of two among them: the compiler's default is one as a rule."""
    return ordered([*thinned(tiles, count), *(tile for tile in tiles if tile & (tile - 1) == 0)])


def product(terms: Sequence[z3.ArithRef]) -> z3.ArithRef:
    """The terms multiplied; 1 where there is none."""
    return reduce(lambda a, b: a * b, terms, z3.IntVal(1))


def size_rules(
    vector: Sequence[z3.ArithRef],
    accumulator: Sequence[z3.ArithRef],
    problem: Problem,
    limits: Limits,
    *,
    fixed_elements: int = 0,
) -> list[Rule]:
    """The rules on the size of a vector tile over all loops, and of the output's part of it.

    `fixed_elements`: an output tile of that many elements is not ours to choose, and allowed.
    """
    most = LARGE_VECTORS * limits.vector_bytes
    registers = max(fixed_elements, VECTOR_REGISTERS * lanes(problem, limits))
    return [
        Rule(
            f"a vector tile of all loops stays under {most} bytes",
            widest_bytes(problem) * product(vector) < most,
            "probed: larger vectors are refused by the compiler",
        ),
        Rule(
            f"the output's {registers} elements fit the vector registers",
            product(accumulator) <= registers,
            "estimate: 32 architectural vector registers, spilled tiles are slow to compile and to run",
        ),
    ]


def thread_rules(tiles: Mapping[int, z3.ArithRef], problem: Problem, limits: Limits) -> list[Rule]:
    """The rule that every thread gets a workgroup; `tiles` are the workgroup's, by loop."""
    if limits.threads == 1:
        return []
    possible = reduce(lambda a, index: a * problem.loops[index].extent, tiles, 1)
    wanted = min(limits.threads, possible)
    counts = [(problem.loops[index].extent + tile - 1) / tile for index, tile in tiles.items()]
    return [
        Rule(
            f"at least {wanted} workgroups, one for each thread",
            product(counts) >= wanted,
            "a thread without a workgroup idles",
        )
    ]


def follow(problem: Problem, levels: Mapping[str, tuple[int, ...]]) -> dict[int, dict[str, tuple[int, ...]]]:
    """The levels of a dispatch's other ops: the compiler's own, with the root's vectors where loops are shared.

    Source: in IREE's defaults an op fused with the root has the root's tile in each loop that they share.
    """
    parallel = levels.get("vector_common_parallel", ())
    reduction = levels.get("vector_reduction", ())
    others: dict[int, dict[str, tuple[int, ...]]] = {}
    for follower in problem.followers:
        followed: dict[str, tuple[int, ...]] = {}
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

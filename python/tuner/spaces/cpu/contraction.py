# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions on llvm-cpu by DoubleTilingExpert: matmul, batch_matmul, matrix-vector, transposed or mixed.

Each parallel loop is tiled twice (a workgroup's tile, then a vector's), each reduction loop too (an optional
cache tile, then a vector's). Knobs are named after the loop: `d` distribution, `v` vector, `c` cache.

Source: the rules marked "probed" were found by trying configurations on IREE 3.13; the one marked "verifier"
is what IREE's own strategy pass enforces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.cpu.tiles import (
    ELEMENT_BYTES,
    LARGE_VECTORS,
    VECTOR_REGISTERS,
    divisors,
    has_known_types,
    ordered,
    powers_of_two,
    product,
)
from tuner.targets import Limits

# The widest tile of the innermost loop, in native vectors.
_MAX_VECTORS = 16
_MAX_REDUCTION_VECTOR = 64
# A tile of fewer rows than this reuses little of what it loads, and is kept narrow: so many native vectors.
_FEWEST_ROWS, _WIDEST_OF_FEW = 4, 4
_MAX_CACHE_TILE = 1024
# Odd divisors are worth a workgroup's tile where there is little else (196: the compiler takes 49).
_MOST_DIVISORS = 16


@dataclass(frozen=True, slots=True)
class DoubleTilingContraction:
    """See the module's text."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "contraction" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        widest = max(ELEMENT_BYTES[operand.element_type] for operand in problem.operands)
        inner = problem.operands[-1].loops[-1] if problem.operands[-1].loops else -1
        lanes = max(1, limits.vector_bytes // ELEMENT_BYTES[problem.operands[-1].element_type])
        knobs: list[Knob] = []
        rules: list[Rule] = []
        vector: list[z3.ArithRef] = []
        accumulator: list[z3.ArithRef] = []
        workgroup_tile: list[z3.ArithRef] = []
        workgroups: list[z3.ArithRef] = []
        cached: list[z3.BoolRef] = []
        remainders: list[z3.BoolRef] = []

        for index, loop in enumerate(problem.loops):
            v = Knob(f"v{index}", _vector_tiles(loop.extent, loop.role, index == inner, lanes))
            knobs.append(v)
            vector.append(v.var)
            if loop.is_parallel:
                d = Knob(f"d{index}", _distribution_tiles(loop.extent, loop.role, lanes))
                knobs.append(d)
                workgroup_tile.append(d.var)
                accumulator.append(v.var)
                workgroups.append((loop.extent + d.var - 1) / d.var)
                rules.append(
                    Rule(
                        f"a vector tile divides the workgroup's tile of loop {index}, or if one is odd the loop",
                        z3.Or(d.var % v.var == 0, _divides_the_loop(loop.extent, d.var, v.var)),
                        "measured: tiles that divide at every level 10.3 ms, others 21.3 ms; odd ones are IREE's",
                    )
                )
                remainders.append(loop.extent % d.var != 0)
                wanted = lanes if index == inner else 4
                if any(tile % wanted == 0 for tile in divisors(loop.extent)):
                    rules.append(
                        Rule(
                            f"a workgroup's tile divides loop {index} ({loop.extent})",
                            loop.extent % d.var == 0,
                            "measured: as above",
                        )
                    )
            else:
                c = Knob(f"c{index}", (0, *_cache_tiles(loop.extent)))
                knobs.append(c)
                cached.append(c.var != 0)
                rules.append(
                    Rule(
                        f"a vector tile divides the cache tile of loop {index}",
                        z3.Or(c.var == 0, z3.And(c.var % v.var == 0, c.var > v.var)),
                        "measured: as above",
                    )
                )
                remainders.append(loop.extent % v.var != 0)
                if loop.extent % 4 == 0:
                    rules.append(
                        Rule(
                            f"reduction tiles divide loop {index} ({loop.extent})",
                            z3.And(
                                loop.extent % v.var == 0,
                                z3.Or(c.var == 0, loop.extent % c.var == 0),
                            ),
                            "measured: as above",
                        )
                    )

        limit = LARGE_VECTORS * limits.vector_bytes
        rules.append(
            Rule(
                f"a vector tile of all loops stays under {limit} bytes",
                widest * product(vector) < limit,
                "probed: larger vectors are refused by the compiler",
            )
        )
        if cached:
            rules.append(
                Rule(
                    f"with a cache tile, the workgroup's tile stays under {limit} bytes",
                    z3.Or(z3.Not(z3.Or(cached)), widest * product(workgroup_tile) < limit),
                    "probed: refused by the compiler",
                )
            )
        rows = [index for index, loop in enumerate(problem.loops) if loop.role in ("m", "n") and index != inner]
        if math.prod(problem.loops[index].extent for index in rows) >= _FEWEST_ROWS:
            rules.append(
                Rule(
                    f"a vector tile of fewer than {_FEWEST_ROWS} rows has at most {_WIDEST_OF_FEW} vectors",
                    z3.Or(
                        product([vector[index] for index in rows]) >= _FEWEST_ROWS,
                        vector[inner] <= _WIDEST_OF_FEW * lanes,
                    ),
                    "measured: ten such tiles of 1x1 convolutions ran at 0.04 to 0.28 of the default's speed, and took"
                    " up to 30 s to compile",
                )
            )
        registers = VECTOR_REGISTERS * lanes
        rules.append(
            Rule(
                f"the accumulator's {registers} elements fit the vector registers",
                product(accumulator) <= registers,
                "estimate: 32 architectural vector registers, spilled tiles are slow to compile and to run",
            )
        )
        if limits.threads > 1:
            possible = reduce(lambda a, loop: a * (loop.extent if loop.is_parallel else 1), problem.loops, 1)
            wanted = min(limits.threads, possible)
            rules.append(
                Rule(
                    f"at least {wanted} workgroups, one for each thread",
                    product(workgroups) >= wanted,
                    "a thread without a workgroup idles",
                )
            )
        peel = Knob("peel", (0, 1))
        knobs.append(peel)
        rules.append(
            Rule(
                "loops are peeled only where a tile leaves a remainder",
                z3.Or(peel.var == 0, z3.Or(remainders)),
                "measured: 3.5 ms without, 2.5 ms with peeling on 301x733x511; no effect without remainders",
            )
        )
        return Space(tuple(knobs), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        indices = range(len(problem.loops))
        parallel = [loop.is_parallel for loop in problem.loops]
        levels = {
            "distribution": tuple(point[f"d{i}"] if parallel[i] else 0 for i in indices),
            "cache_reduction": tuple(0 if parallel[i] else point[f"c{i}"] for i in indices),
            "vector_common_parallel": tuple(point[f"v{i}"] if parallel[i] else 0 for i in indices),
            "vector_reduction": tuple(0 if parallel[i] else point[f"v{i}"] for i in indices),
        }
        if not any(levels["cache_reduction"]):
            del levels["cache_reduction"]
        options = ("enable_loop_peeling",) if point["peel"] else ()
        return Configuration("DoubleTilingExpert", levels, options)


SPACE = DoubleTilingContraction()


def _divides_the_loop(extent: int, tile: z3.ArithRef, vector: z3.ArithRef) -> z3.BoolRef:
    """What IREE's default does where a loop has few even divisors: tiles of 61, vectors of 7 for 5124."""
    is_odd = z3.Or(tile % 2 == 1, vector % 2 == 1)
    return z3.And(is_odd, vector < tile, extent % vector == 0)


def _distribution_tiles(extent: int, role: str, lanes: int) -> tuple[int, ...]:
    """Tiles of a workgroup: powers of two, divisors, and three quarters between powers of two."""
    tiles = [*powers_of_two(extent), extent]
    if role == "batch":
        return ordered([*tiles, *divisors(extent)])
    between = [3 * tile // 2 for tile in powers_of_two(extent) if tile >= 8 and 3 * tile // 2 <= extent]
    even = [tile for tile in divisors(extent) if tile % min(lanes, 4) == 0 or tile == extent]
    odd = divisors(extent) if len(divisors(extent)) <= _MOST_DIVISORS else _usual(divisors(extent))
    return ordered([*tiles, *between, *even, *odd])


def _usual(tiles: list[int]) -> list[int]:
    """Those of the size that IREE aims at: about 64."""
    return [tile for tile in tiles if 32 < tile <= 64]


def _vector_tiles(extent: int, role: str, is_inner: bool, lanes: int) -> tuple[int, ...]:
    """Tiles of a vector. The output's innermost loop takes whole vectors where it is long enough
    (measured: multiples of the lanes 16.9 ms, others 29.1 ms); batches stay scalar."""
    if role == "batch":
        return (1,)
    if role == "k":
        tiles = [*powers_of_two(min(extent, _MAX_REDUCTION_VECTOR))]
        return ordered([*tiles, *(d for d in divisors(extent) if d <= 16)])
    if is_inner and extent >= lanes:
        odd = [] if extent % lanes == 0 else [tile for tile in divisors(extent) if 1 < tile <= VECTOR_REGISTERS]
        return ordered([*range(lanes, min(extent, _MAX_VECTORS * lanes) + 1, lanes), *odd])
    tiles = [
        *powers_of_two(min(extent, VECTOR_REGISTERS)),
        *(t for t in (3, 5, 6, 7, 10, 12, 14, 24) if t <= extent),
    ]
    return ordered([*tiles, *(d for d in divisors(extent) if d <= VECTOR_REGISTERS)])


def _cache_tiles(extent: int) -> tuple[int, ...]:
    tiles = [tile for tile in powers_of_two(extent) if 8 <= tile < extent]
    return ordered(
        [tile for tile in [*tiles, *(d for d in divisors(extent) if 8 <= d < extent)] if tile <= _MAX_CACHE_TILE]
    )

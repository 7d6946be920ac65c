# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions on llvm-cpu by DoubleTilingExpert: matmul, batch_matmul, matrix-vector, transposed or mixed.

Each parallel loop is tiled twice: a workgroup's tile, then a vector's. So is each reduction loop: an optional cache
tile, then a vector's.

Source: the rules marked "probed" were found by trying configurations on IREE 3.13.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    LARGE_VECTORS,
    VECTOR_REGISTERS,
    Tiles,
    Tiling,
    has_known_types,
    lanes,
    levels,
    size_rules,
    thread_rules,
    tiling,
    vector_knob,
    widest_bytes,
)
from tuner.spaces.tiles import divisors, knob_name, ordered, powers_of_two, product
from tuner.targets import Limits

_CACHE = "cache_reduction"
# The widest tile of the innermost loop, in native vectors.
_MAX_VECTORS = 16
_MAX_REDUCTION_VECTOR = 64
# A vector tile of fewer rows than the first number reuses little of what it loads. It has at most as many native
# vectors as the second number.
_FEWEST_ROWS, _WIDEST_OF_FEW = 4, 4
_MAX_CACHE_TILE = 1024
# Up to this many divisors of a loop, odd ones are worth a workgroup's tile too (196: the compiler takes 49).
_MOST_DIVISORS = 16
_DIVIDING = "measured: tiles that divide at every level 10.3 ms, others 21.3 ms"


@dataclass(frozen=True, slots=True)
class DoubleTilingContraction:
    """Loops of batches, rows, columns and sums, any number of each."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "contraction" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        inner = problem.operands[-1].loops[-1] if problem.operands[-1].loops else -1

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loop.extent, loop.role, index == inner, width)

        def workgroups(index: int, loop: Loop) -> Tiles:
            del index
            return _distribution_tiles(loop.extent, loop.role, width)

        tiled = tiling(problem, vectors, workgroups)
        cache = {
            index: Knob(knob_name(_CACHE, name), (0, *_cache_tiles(loop.extent)))
            for index, (name, loop) in enumerate(zip(problem.loop_names, problem.loops, strict=True))
            if not loop.is_parallel
        }
        peel = Knob("peel", (0, 1))
        rules = [
            *_rules_by_loop(problem, tiled, cache, inner, width),
            *size_rules(problem, limits, tiled),
            *_cache_rules(problem, limits, tiled, cache),
            *_row_rules(problem, tiled, inner, width),
            *thread_rules(problem, limits, tiled),
            _peeling_rule(problem, tiled, peel),
        ]
        return Space((*_with_cache(problem, tiled, cache), peel), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        found = levels(problem, point)
        cached = tuple(point.get(knob_name(_CACHE, name), 0) for name in problem.loop_names)
        if any(cached):
            found = {"distribution": found["distribution"], _CACHE: cached, **found}
        return Configuration("DoubleTilingExpert", found, ("enable_loop_peeling",) if point["peel"] else ())


SPACE = DoubleTilingContraction()


def _with_cache(problem: Problem, tiled: Tiling, cache: Mapping[int, Knob]) -> list[Knob]:
    """The knobs of all tiles, loop by loop: the cache tile of a loop follows its vector tile."""
    after = {vector_knob(problem, index): knob for index, knob in cache.items()}
    found: list[Knob] = []
    for knob in tiled.knobs:
        found.append(knob)
        if knob.name in after:
            found.append(after[knob.name])
    return found


def _rules_by_loop(problem: Problem, tiled: Tiling, cache: Mapping[int, Knob], inner: int, width: int) -> list[Rule]:
    rules: list[Rule] = []
    for index, loop in enumerate(problem.loops):
        name, vector = problem.loop_names[index], tiled.vector[index]
        if loop.is_parallel:
            wanted = width if index == inner else 4
            rules += _parallel_rules(name, loop.extent, tiled.workgroup[index], vector, wanted)
        else:
            rules += _reduction_rules(name, loop.extent, cache[index].var, vector)
    return rules


def _parallel_rules(name: str, extent: int, workgroup: z3.ArithRef, vector: z3.ArithRef, wanted: int) -> list[Rule]:
    """The rules on a parallel loop. A workgroup's tile must divide it if a divisor is a multiple of `wanted`."""
    rules = [
        Rule(
            f"a vector tile divides the workgroup's tile of loop {name}, or if one is odd the loop",
            z3.Or(workgroup % vector == 0, _divides_the_loop(extent, workgroup, vector)),
            f"{_DIVIDING}; odd ones are IREE's",
        )
    ]
    if any(tile % wanted == 0 for tile in divisors(extent)):
        rules.append(Rule(f"a workgroup's tile divides loop {name} ({extent})", extent % workgroup == 0, _DIVIDING))
    return rules


def _reduction_rules(name: str, extent: int, cache: z3.ArithRef, vector: z3.ArithRef) -> list[Rule]:
    rules = [
        Rule(
            f"a vector tile divides the cache tile of loop {name}",
            z3.Or(cache == 0, z3.And(cache % vector == 0, cache > vector)),
            _DIVIDING,
        )
    ]
    if extent % 4 == 0:
        divides = z3.And(extent % vector == 0, z3.Or(cache == 0, extent % cache == 0))
        rules.append(Rule(f"reduction tiles divide loop {name} ({extent})", divides, _DIVIDING))
    return rules


def _cache_rules(problem: Problem, limits: Limits, tiled: Tiling, cache: Mapping[int, Knob]) -> list[Rule]:
    if not cache:
        return []
    limit = LARGE_VECTORS * limits.vector_bytes
    is_cached = z3.Or([knob.var != 0 for knob in cache.values()])
    return [
        Rule(
            f"with a cache tile, the workgroup's tile stays under {limit} bytes",
            z3.Or(z3.Not(is_cached), widest_bytes(problem) * product(tiled.workgroup.values()) < limit),
            "probed: the compiler refuses larger ones",
        )
    ]


def _row_rules(problem: Problem, tiled: Tiling, inner: int, width: int) -> list[Rule]:
    rows = [index for index, loop in enumerate(problem.loops) if loop.role in ("m", "n") and index != inner]
    if math.prod(problem.loops[index].extent for index in rows) < _FEWEST_ROWS:
        return []
    return [
        Rule(
            f"a vector tile of fewer than {_FEWEST_ROWS} rows has at most {_WIDEST_OF_FEW} vectors",
            z3.Or(
                product([tiled.vector[index] for index in rows]) >= _FEWEST_ROWS,
                tiled.vector[inner] <= _WIDEST_OF_FEW * width,
            ),
            "measured: ten such tiles of 1x1 convolutions ran at 0.04 to 0.28 of the default's speed, and took"
            " up to 30 s to compile",
        )
    ]


def _peeling_rule(problem: Problem, tiled: Tiling, peel: Knob) -> Rule:
    remainders = [
        loop.extent % (tiled.workgroup[index] if loop.is_parallel else tiled.vector[index]) != 0
        for index, loop in enumerate(problem.loops)
    ]
    return Rule(
        "loops are peeled only if a tile leaves a remainder",
        z3.Or(peel.var == 0, z3.Or(remainders)),
        "measured: 3.5 ms without, 2.5 ms with peeling on 301x733x511; no effect without remainders",
    )


def _divides_the_loop(extent: int, tile: z3.ArithRef, vector: z3.ArithRef) -> z3.BoolRef:
    """What IREE's default does if a loop has few even divisors: tiles of 61, vectors of 7 for 5124."""
    is_odd = z3.Or(tile % 2 == 1, vector % 2 == 1)
    return z3.And(is_odd, vector < tile, extent % vector == 0)


def _distribution_tiles(extent: int, role: str, width: int) -> Tiles:
    """Tiles of a workgroup: powers of two, divisors, and three quarters between powers of two."""
    tiles = [*powers_of_two(extent), extent]
    if role == "batch":
        return ordered([*tiles, *divisors(extent)])
    between = [3 * tile // 2 for tile in powers_of_two(extent) if tile >= 8 and 3 * tile // 2 <= extent]
    even = [tile for tile in divisors(extent) if tile % min(width, 4) == 0 or tile == extent]
    odd = divisors(extent) if len(divisors(extent)) <= _MOST_DIVISORS else _usual(divisors(extent))
    return ordered([*tiles, *between, *even, *odd])


def _usual(tiles: Sequence[int]) -> list[int]:
    """Those of the size that IREE aims at: about 64."""
    return [tile for tile in tiles if 32 < tile <= 64]


def _vector_tiles(extent: int, role: str, is_inner: bool, width: int) -> Tiles:
    """Tiles of a vector. The output's innermost loop takes whole vectors if it is long enough
    (measured: multiples of the lanes 16.9 ms, others 29.1 ms); batches stay scalar."""
    if role == "batch":
        return (1,)
    if role == "k":
        tiles = [*powers_of_two(min(extent, _MAX_REDUCTION_VECTOR))]
        return ordered([*tiles, *(tile for tile in divisors(extent) if tile <= 16)])
    if is_inner and extent >= width:
        odd = [] if extent % width == 0 else [tile for tile in divisors(extent) if 1 < tile <= VECTOR_REGISTERS]
        return ordered([*range(width, min(extent, _MAX_VECTORS * width) + 1, width), *odd])
    tiles = [
        *powers_of_two(min(extent, VECTOR_REGISTERS)),
        *(tile for tile in (3, 5, 6, 7, 10, 12, 14, 24) if tile <= extent),
    ]
    return ordered([*tiles, *(tile for tile in divisors(extent) if tile <= VECTOR_REGISTERS)])


def _cache_tiles(extent: int) -> Tiles:
    tiles = [*powers_of_two(extent), *divisors(extent)]
    return ordered(tile for tile in tiles if 8 <= tile < extent and tile <= _MAX_CACHE_TILE)

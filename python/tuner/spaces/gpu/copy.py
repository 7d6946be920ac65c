# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies between buffers on GPUs by Distribute: threads lie along the three innermost loops.

Knobs: `columns`, `rows` and `planes`, a workgroup's part of the innermost loop, the next one and the one after that;
`column_threads`, `row_threads` and `plane_threads`, its threads along them. A thread loads up to 16 bytes at once if
its columns lie side by side. By default it loads one element. Source: TileAndFuse tiles no op on buffers (probed:
"tiling of level Thread failed").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types, per_loop, settings
from tuner.spaces.tiles import divisors, ordered, powers_of_two, product, thinned
from tuner.targets import Limits

# The loops that threads lie along, from the innermost on.
_PARTS = ("column", "row", "plane")
# The most iterations of each that a workgroup takes.
_MOST = {"column": 4096, "row": 64, "plane": 16}
# Values of a knob at most: the divisors of some sizes are many.
_MOST_VALUES = 16
# Elements that a thread copies at most, all of them unrolled.
_MOST_COPIED = 64
# Divisors of a loop of columns. If there are fewer, powers of two are taken, and the last workgroup checks its bounds.
_FEWEST_DIVISORS = 4


@dataclass(frozen=True, slots=True)
class GpuCopy:
    """All loops are parallel, and the ops have no result."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target in TARGETS and problem.kind == "copy" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        size = Knob("subgroup_size", gpu.subgroup_sizes)
        loops = _loops(problem)
        tiles = {part: Knob(f"{part}s", _tiles(problem.loops[loop].extent, part)) for part, loop in loops.items()}
        threads = {part: Knob(f"{part}_threads", _counts(tile.domain)) for part, tile in tiles.items()}
        count = product(knob.var for knob in threads.values())
        rules = (
            *(
                Rule(
                    f"threads divide the {part}s",
                    tiles[part].var % threads[part].var == 0,
                    "otherwise every element is loaded by itself, behind a check",
                )
                for part in loops
            ),
            Rule(
                f"a workgroup has at most {gpu.max_workgroup_threads} threads",
                count <= gpu.max_workgroup_threads,
                "the chip's limit, as the compiler states it",
            ),
            Rule(
                f"a thread copies at most {_MOST_COPIED} elements",
                product(knob.var for knob in tiles.values()) <= _MOST_COPIED * count,
                "estimate: copies are unrolled, and more workgroups hide more latency",
            ),
            Rule(
                "a workgroup has the threads of a subgroup at least, unless it copies fewer elements",
                z3.Or(count >= size.var, count == product(knob.var for knob in tiles.values())),
                "lanes without work are wasted",
            ),
        )
        return Space((size, *tiles.values(), *threads.values()), rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        loops, count = _loops(problem), len(problem.loops)
        tiles = {**dict.fromkeys(range(count), 1), **{loop: point[f"{part}s"] for part, loop in loops.items()}}
        threads = tuple(point.get(f"{part}_threads", 1) for part in _PARTS)
        return Configuration("Distribute", {"workgroup": per_loop(count, tiles)}, gpu=settings(point, threads))


SPACE = GpuCopy()


def _loops(problem: Problem) -> dict[str, int]:
    """The loop of each part that the problem has."""
    last = len(problem.loops) - 1
    return {part: last - place for place, part in enumerate(_PARTS) if place <= last}


def _tiles(extent: int, part: str) -> tuple[int, ...]:
    """Divisors. If a loop of columns has few, powers of two: a remainder is checked for."""
    most = _MOST[part]
    whole = [tile for tile in divisors(extent) if tile <= most]
    if part == "column" and len(whole) < _FEWEST_DIVISORS and extent > most // _MOST_COPIED:
        return tuple(powers_of_two(min(extent, most)))
    return thinned(whole, _MOST_VALUES)


def _counts(tiles: tuple[int, ...]) -> tuple[int, ...]:
    """Threads that lie along a tile: its parts by powers of two, which are the elements of a thread."""
    return ordered(tile // power for tile in tiles for power in powers_of_two(_MOST_COPIED) if tile % power == 0)

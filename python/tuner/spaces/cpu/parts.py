# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sums by parts, for data-tiled products on llvm-cpu: the knob, its rules, and the tiling level that it sets.

All tiles of a workgroup take one part of the sum, then the next. So a part of each operand is read from the first
cache, and the workgroup's part of the output lies on the stack. 0 stands for the whole sum at once.

Source: measured with IREE 3.13 (docs/benchmarks.md). On a Xeon with AVX-512 parts of 256 take 35.3 ms in place of 38.6
for 512 x 1024 x 4096 with inner tiles, and 43.4 in place of 62.5 for 35 x 8457 x 2560 with microkernels. With AVX2 they
give nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import z3

from tuner.constraints import Knob, Rule
from tuner.dispatch import Problem
from tuner.spaces.cpu.tiles import Tiles, Tiling, workgroup_tiles
from tuner.spaces.tiles import divisors, knob_name, product

_LEVEL = "cache_reduction"
# Shorter parts read and write the output too often; longer ones of both operands leave the first cache.
_SHORTEST, _LONGEST = 64, 1024
_MOST_LENGTHS = 4


def part_knobs(problem: Problem) -> tuple[Knob, ...]:
    """The knob of the length of a part, in steps of the outermost sum; none if no length divides that."""
    extent = problem.loops[_summed(problem)].extent
    lengths = [tile for tile in divisors(extent) if _SHORTEST <= tile <= _LONGEST and tile < extent]
    return (Knob(_name(problem), (0, *workgroup_tiles(lengths, _MOST_LENGTHS))),) if lengths else ()


def part_rules(tiled: Tiling, parts: tuple[Knob, ...], most_tiles: int) -> list[Rule]:
    """The rules on workgroups that sum by parts: one tile is a vector, and at most `most_tiles` are a workgroup."""
    if not parts:
        return []
    whole = parts[0].var == 0
    in_vector = product(tiled.vector[index] for index in tiled.workgroup)
    tiles = product(tiled.workgroup.values())
    return [
        Rule("a vector of a sum by parts is one tile", z3.Or(whole, in_vector == 1), "more were not tried"),
        Rule(
            f"a workgroup that sums by parts has 2 to {most_tiles} tiles",
            z3.Or(whole, z3.And(tiles >= 2, tiles <= most_tiles)),
            "one tile reads nothing again; more are refused by the compiler: too large a stack or vector",
        ),
    ]


def with_part(problem: Problem, point: Mapping[str, int], root: Mapping[str, Tiles]) -> dict[str, Tiles]:
    """The root op's levels with that of the parts, if the sum has some."""
    part = point.get(_name(problem), 0)
    if not part:
        return dict(root)
    summed = _summed(problem)
    level = tuple(part if index == summed else 0 for index in range(len(problem.loops)))
    return {"distribution": root["distribution"], _LEVEL: level, **root}


def has_parts(problem: Problem, point: Mapping[str, int]) -> bool:
    """Whether a point sums by parts."""
    return point.get(_name(problem), 0) > 0


def _summed(problem: Problem) -> int:
    """The outermost loop of the sum, which is over tiles."""
    return next(index for index, loop in enumerate(problem.loops) if not loop.is_parallel)


def _name(problem: Problem) -> str:
    return knob_name(_LEVEL, problem.loop_names[_summed(problem)])

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data-tiled matrix products (linalg.mmt4d) on llvm-cpu by Mmt4dTilingExpert.

The compiler has packed the operands: the inner three loops are one register tile, taken whole. What is left to
choose is how many of them make a workgroup's tile (`d`) and a vector's (`v`), by loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.cpu.tiles import (
    divisors,
    follow,
    has_known_types,
    ordered,
    powers_of_two,
    size_rules,
    thread_rules,
    workgroup_tiles,
)
from tuner.targets import Limits

_INNER_LOOPS = 3
_MOST_WORKGROUP_TILES = 16
_MOST_OUTER_VECTOR = 2
_MOST_REDUCTION_VECTOR = 8


@dataclass(frozen=True, slots=True)
class Mmt4d:
    """See the module's text."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "mmt4d" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        knobs: list[Knob] = []
        rules: list[Rule] = []
        vector: list[z3.ArithRef] = []
        accumulator: list[z3.ArithRef] = []
        workgroup: dict[int, z3.ArithRef] = {}
        first_inner = len(problem.loops) - _INNER_LOOPS
        for index, loop in enumerate(problem.loops):
            v = Knob(
                f"v{index}", (loop.extent,) if index >= first_inner else _outer_vector_tiles(loop.extent, loop.role)
            )
            knobs.append(v)
            vector.append(v.var)
            if not loop.is_parallel:
                continue
            accumulator.append(v.var)
            if index >= first_inner:
                continue
            d = Knob(f"d{index}", workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES))
            knobs.append(d)
            workgroup[index] = d.var
            rules.append(
                Rule(
                    f"a vector tile divides the workgroup's tile of loop {index}",
                    d.var % v.var == 0,
                    "measured on contractions: tiles that divide at every level 10.3 ms, others 21.3 ms",
                )
            )
        packed = math.prod(loop.extent for loop in problem.loops[first_inner:] if loop.is_parallel)
        rules += size_rules(vector, accumulator, problem, limits, fixed_elements=packed)
        rules += thread_rules(workgroup, problem, limits)
        return Space(tuple(knobs), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        indices = range(len(problem.loops))
        parallel = [loop.is_parallel for loop in problem.loops]
        levels = {
            "distribution": tuple(point.get(f"d{i}", 0) if parallel[i] else 0 for i in indices),
            "vector_common_parallel": tuple(point[f"v{i}"] if parallel[i] else 0 for i in indices),
            "vector_reduction": tuple(0 if parallel[i] else point[f"v{i}"] for i in indices),
        }
        return Configuration("Mmt4dTilingExpert", levels, others=follow(problem, levels))


SPACE = Mmt4d()


def _outer_vector_tiles(extent: int, role: str) -> tuple[int, ...]:
    if role == "batch":
        return (1,)
    limit = _MOST_REDUCTION_VECTOR if role == "k" else _MOST_OUTER_VECTOR
    return ordered(tile for tile in powers_of_two(limit) if extent % tile == 0)

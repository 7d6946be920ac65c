# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops without a reduction on llvm-cpu, transposes among them, by DoubleTilingExpert.

Knobs are named after the loop: `d` distribution, `v` vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.cpu.tiles import (
    divisors,
    follow,
    has_known_types,
    lanes,
    ordered,
    powers_of_two,
    size_rules,
    thread_rules,
    workgroup_tiles,
)
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 16
_MOST_VECTORS = 8
_MOST_SCALARS = 8


@dataclass(frozen=True, slots=True)
class Elementwise:
    """See the module's text."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "elementwise" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        contiguous = {operand.loops[-1] for operand in problem.operands if operand.loops}
        knobs: list[Knob] = []
        rules: list[Rule] = []
        vector: list[z3.ArithRef] = []
        workgroup: dict[int, z3.ArithRef] = {}
        for index, loop in enumerate(problem.loops):
            v = Knob(f"v{index}", _vector_tiles(loop.extent, index in contiguous, width))
            d = Knob(f"d{index}", workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES))
            knobs += [v, d]
            vector.append(v.var)
            workgroup[index] = d.var
            rules.append(
                Rule(
                    f"a vector tile divides the workgroup's tile of loop {index}",
                    d.var % v.var == 0,
                    "measured on contractions: tiles that divide at every level 10.3 ms, others 21.3 ms",
                )
            )
        rules += size_rules(vector, vector, problem, limits)
        rules += thread_rules(workgroup, problem, limits)
        return Space(tuple(knobs), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        indices = range(len(problem.loops))
        levels = {
            "distribution": tuple(point[f"d{i}"] for i in indices),
            "vector_common_parallel": tuple(point[f"v{i}"] for i in indices),
        }
        return Configuration("DoubleTilingExpert", levels, others=follow(problem, levels))


SPACE = Elementwise()


def _vector_tiles(extent: int, is_contiguous: bool, width: int) -> tuple[int, ...]:
    """Along memory whole vectors, where they divide the loop; else a few elements."""
    tiles = divisors(extent)
    if is_contiguous:
        whole = [tile for tile in tiles if tile % width == 0 and tile <= _MOST_VECTORS * width]
        return ordered(whole or powers_of_two(min(extent, width)))
    return ordered(tile for tile in tiles if tile <= _MOST_SCALARS)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions on llvm-cpu by DoubleTilingExpert: sums and maxima, and what is built of them (softmax, norms).

Search happens at the root, the dispatch's last reduction; the ops around it follow (a softmax fails without their
configurations). Knobs are named after the loop: `d` distribution, `v` vector.
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
_MOST_SCALARS = 16


@dataclass(frozen=True, slots=True)
class Reduction:
    """See the module's text."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "reduction" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        contiguous = problem.operands[0].loops[-1] if problem.operands[0].loops else -1
        knobs: list[Knob] = []
        rules: list[Rule] = []
        vector: list[z3.ArithRef] = []
        accumulator: list[z3.ArithRef] = []
        workgroup: dict[int, z3.ArithRef] = {}
        for index, loop in enumerate(problem.loops):
            v = Knob(f"v{index}", _vector_tiles(loop.extent, index == contiguous, width))
            knobs.append(v)
            vector.append(v.var)
            if not loop.is_parallel:
                continue
            d = Knob(f"d{index}", workgroup_tiles(divisors(loop.extent), _MOST_WORKGROUP_TILES))
            knobs.append(d)
            workgroup[index] = d.var
            accumulator.append(v.var)
            rules.append(
                Rule(
                    f"a vector tile divides the workgroup's tile of loop {index}",
                    d.var % v.var == 0,
                    "measured on contractions: tiles that divide at every level 10.3 ms, others 21.3 ms",
                )
            )
        rules += size_rules(vector, accumulator, problem, limits)
        rules += thread_rules(workgroup, problem, limits)
        return Space(tuple(knobs), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        indices = range(len(problem.loops))
        parallel = [loop.is_parallel for loop in problem.loops]
        levels = {
            "distribution": tuple(point[f"d{i}"] if parallel[i] else 0 for i in indices),
            "vector_common_parallel": tuple(point[f"v{i}"] if parallel[i] else 0 for i in indices),
            "vector_reduction": tuple(0 if parallel[i] else point[f"v{i}"] for i in indices),
        }
        return Configuration("DoubleTilingExpert", levels, others=follow(problem, levels))


SPACE = Reduction()


def _vector_tiles(extent: int, is_contiguous: bool, width: int) -> tuple[int, ...]:
    """Along memory whole vectors, also such as leave a remainder; else a few elements."""
    if is_contiguous and extent >= width:
        return ordered(width * count for count in powers_of_two(_MOST_VECTORS) if width * count <= extent)
    return ordered(tile for tile in divisors(extent) if tile <= _MOST_SCALARS)

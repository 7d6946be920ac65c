# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elementwise computations and transpositions on GPUs by TileAndFuse: every thread computes a tile of the output.

If an operand is stored along another loop than the innermost one, a tile of it can go through shared memory. Then both
its side and the other are read and written in whole lines. Source of the form: IREE's default of transpositions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import TARGETS, bytes_of, gpu_limits, has_known_types
from tuner.spaces.tiles import knob_name, product
from tuner.targets import Limits

# Tiles of an operand in shared memory: one as it is stored, and one as threads hold it.
_BUFFERS = 2
_SHARED, _CONFLICTS = "through_shared", "no_reduce_shared_memory_bank_conflicts"


@dataclass(frozen=True, slots=True)
class GpuElementwise:
    """All loops are parallel. A thread tiles those that an operand has contiguous in memory."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target in TARGETS and problem.kind == "elementwise" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        space = thread_space(problem, gpu, promoted=(0,), inner=_inner(problem))
        crossed = _crossed(problem)
        if not crossed:
            return space
        shared, conflicts = Knob(_SHARED, (0, 1)), Knob(_CONFLICTS, (0, 1))
        tiles = [z3.Int(knob_name("workgroup", name)) for name in problem.loop_names]
        needed = _BUFFERS * product(tiles) * sum(bytes_of(problem, operand) for operand in crossed)
        rules = (
            Rule(
                f"tiles of operands that go through shared memory fit {gpu.shared_memory_bytes} bytes",
                z3.Or(shared.var == 0, needed <= gpu.shared_memory_bytes),
                "the chip's limit; probed: the compiler keeps two tiles of such an operand",
            ),
            Rule(
                "tiles of operands that go through shared memory divide the loops",
                z3.Or(
                    shared.var == 0,
                    z3.And([loop.extent % tile == 0 for loop, tile in zip(problem.loops, tiles, strict=True)]),
                ),
                "probed: 7 of 7 failures of 144 samples had a remainder, which IREE cannot bufferize",
            ),
            Rule(
                "without shared memory there are no bank conflicts",
                z3.Or(shared.var == 1, conflicts.var == 0),
                "one point for each configuration",
            ),
        )
        return replace(space, knobs=(*space.knobs, shared, conflicts), rules=(*space.rules, *rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        chosen = thread_configuration(problem, point, is_flat=True)
        if not point.get(_SHARED) or chosen.gpu is None:
            return chosen
        return replace(chosen, gpu=replace(chosen.gpu, promoted=_crossed(problem)))


SPACE = GpuElementwise()


def _inner(problem: Problem) -> tuple[int, ...]:
    """The loops that an operand has contiguous in memory, and the one outside the innermost."""
    wide = [index for index, loop in enumerate(problem.loops) if loop.extent > 1] or [len(problem.loops) - 1]
    contiguous = {operand.loops[-1] for operand in problem.operands if operand.loops and operand.loops[-1] >= 0}
    return tuple(sorted({*contiguous, *wide[-2:]}))


def _crossed(problem: Problem) -> tuple[int, ...]:
    """The operands that have the innermost loop, but along another dimension than their last."""
    last = len(problem.loops) - 1
    return tuple(
        number for number, operand in enumerate(problem.operands) if last in operand.loops and operand.loops[-1] != last
    )

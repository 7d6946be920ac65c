# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions on GPUs: sums and maxima, and what is built of them (softmax, norms).

If lanes can share the reduced loop, VectorDistribute lets them, and the ops around the root op follow. If they cannot,
IREE gives each thread an output of its own by TileAndFuse, and so does this space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.reduction_tiles import reduced_loop, reduction_configuration, reduction_space
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types
from tuner.targets import Limits


@dataclass(frozen=True, slots=True)
class GpuReduction:
    """Reductions of any number of loops, of which lanes share the innermost reduced one.

    Not of products, which several results may share (`horizontal-contractions=fused`).
    """

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target in TARGETS and problem.kind == "reduction" and has_known_types(problem) and _reads_all(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        if problem.loops[reduced_loop(problem)].extent % min(gpu.subgroup_sizes) == 0:
            return reduction_space(problem, gpu)
        return thread_space(problem, gpu, promoted=(0,))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "step" in point:
            return reduction_configuration(problem, point)
        return thread_configuration(problem, point, is_flat=True)


SPACE = GpuReduction()


def _reads_all(problem: Problem) -> bool:
    """Whether an operand has all loops. Products that were fused into one op, each with a result, have no such operand:
    IREE gives them a matrix instruction."""
    return any(set(operand.loops) == set(range(len(problem.loops))) for operand in problem.operands)

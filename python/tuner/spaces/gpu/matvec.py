# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions of few rows or columns (matrix-vector) on GPUs: memory bound.

If lanes can share the reduced loop, VectorDistribute lets them. If they cannot, IREE gives each thread outputs of its
own by TileAndFuse, and so does this space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.reduction_tiles import reduced_loop, reduction_configuration, reduction_space
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types, is_skinny
from tuner.targets import Limits


@dataclass(frozen=True, slots=True)
class GpuMatvec:
    """Contractions so narrow that IREE reduces them."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target in TARGETS and problem.kind == "contraction" and has_known_types(problem) and is_skinny(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        if problem.loops[reduced_loop(problem)].extent % min(gpu.subgroup_sizes) == 0:
            return reduction_space(problem, gpu)
        return thread_space(problem, gpu, promoted=(0,))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "step" in point:
            return reduction_configuration(problem, point)
        return thread_configuration(problem, point, is_flat=True)


SPACE = GpuMatvec()

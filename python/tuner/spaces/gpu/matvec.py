# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions of few rows or columns (matrix-vector) on GPUs by VectorDistribute: memory bound, lanes reduce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.reduction_tiles import reduced_loop, reduction_configuration, reduction_space
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types, is_skinny
from tuner.targets import Limits

# The reduced loop must be a multiple of this, the smallest subgroup of the chips of a target.
_LANES = {"cuda": 32, "rocm": 64}


@dataclass(frozen=True, slots=True)
class GpuMatvec:
    """Contractions so narrow that IREE reduces them."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in TARGETS
            and problem.kind == "contraction"
            and has_known_types(problem)
            and is_skinny(problem)
            and problem.loops[reduced_loop(problem)].extent % _LANES[target] == 0
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        return reduction_space(problem, gpu_limits(limits))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        return reduction_configuration(problem, point)


SPACE = GpuMatvec()

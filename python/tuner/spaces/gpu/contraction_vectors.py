# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions on GPUs by VectorDistribute.

IREE takes this pipeline for products only if a flag asks for it, or if their sums are as narrow as their operands.
`gpu-contraction` (TileAndFuse) comes first: this space serves if it is named (`--space gpu-contraction-vectors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import matrix_intrinsics
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types, is_skinny
from tuner.spaces.gpu.vector_tiles import Tiled, has_whole_tiles, vector_configuration, vector_space
from tuner.targets import Limits


@dataclass(frozen=True, slots=True)
class GpuContractionVectors:
    """Contractions of wide operands whose sizes are multiples of what instructions take. Without an instruction for
    their types every thread computes by itself, as in `gpu-contraction`."""

    priority: int = -1

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in TARGETS
            and problem.kind == "contraction"
            and has_known_types(problem)
            and not is_skinny(problem)
            and (tiled := _tiled(problem)) is not None
            and has_whole_tiles(problem, tiled)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu, tiled = gpu_limits(limits), _tiled(problem)
        space = None if tiled is None else vector_space(problem, tiled, matrix_intrinsics(problem, gpu), gpu)
        return space or thread_space(problem, gpu, promoted=(0, 3))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        tiled = _tiled(problem)
        if "intrinsic" not in point or tiled is None:
            return thread_configuration(problem, point, is_flat=False)
        return vector_configuration(problem, tiled, point)


SPACE = GpuContractionVectors()


def _tiled(problem: Problem) -> Tiled | None:
    return Tiled.of(problem, "m", "n", "k")

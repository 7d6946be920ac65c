# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies between buffers on llvm-cpu by BufferOpsTileAndVectorize: the tiles are those of elementwise computations.

Source: DoubleTilingExpert tiles no op on buffers (probed: "tiling of level vector_common_parallel failed").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.cpu import elementwise
from tuner.spaces.cpu.tiles import has_known_types
from tuner.targets import Limits


@dataclass(frozen=True, slots=True)
class Copy:
    """All loops are parallel. Rows that are contiguous in memory get whole vectors."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "copy" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        return elementwise.SPACE.build(problem, limits)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        return replace(elementwise.SPACE.configuration(problem, point), pipeline="BufferOpsTileAndVectorize")


SPACE = Copy()

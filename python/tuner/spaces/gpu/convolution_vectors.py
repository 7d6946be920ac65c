# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions on GPUs by VectorDistribute: a product of a row of the image and the filter for each element of the
window, summed.

Rows are the columns of the image, which a tile divides. Images have channels last, filters the output's channels.
`gpu-convolution` comes first: this space serves if it is named (`--space gpu-convolution-vectors`).

Source of the form: IREE, `setConvolutionVectorDistributionConfig` in LLVMGPU/KernelConfig.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import matrix_intrinsics
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import LOAD_BYTES, TARGETS, bytes_of, extents, gpu_limits, has_known_types, has_strides
from tuner.spaces.gpu.vector_tiles import Tiled, has_whole_tiles, vector_configuration, vector_space
from tuner.spaces.tiles import knob_name, product
from tuner.targets import Limits


@dataclass(frozen=True, slots=True)
class GpuConvolutionVectors:
    """Convolutions without groups and strides, of images whose columns are multiples of what instructions take.
    Without an instruction for their types every thread computes by itself, as in `gpu-convolution`.

    With a stride of 2 none of 20 samples compiled for gfx942.
    """

    priority: int = -1

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in TARGETS
            and problem.kind == "convolution"
            and has_known_types(problem)
            and len(problem.operands) == 3
            and (tiled := _tiled(problem)) is not None
            and has_whole_tiles(problem, tiled)
            and [operand.loops[-1] for operand in problem.operands[:2]] == [tiled.sums, tiled.columns]
            and not extents(problem, "depth")
            and not has_strides(problem)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu, tiled = gpu_limits(limits), _tiled(problem)
        space = None if tiled is None else vector_space(problem, tiled, matrix_intrinsics(problem, gpu), gpu)
        if tiled is None or space is None:
            return thread_space(problem, gpu, promoted=(0,))
        names = problem.loop_names
        counts = [z3.Int(knob_name("subgroups", names[loop])) for loop in (tiled.rows, tiled.columns)]
        threads = product([*counts, z3.Int("subgroup_size")])
        tiles = (
            z3.Int(knob_name("reduction", names[tiled.sums])),
            z3.Int(knob_name("workgroup", names[tiled.columns])),
        )
        spread = Rule(
            "the innermost tiles of both operands spread evenly over the threads",
            z3.And(
                [_spreads(tile, LOAD_BYTES // bytes_of(problem, number), threads) for number, tile in enumerate(tiles)]
            ),
            "probed: the compiler's own constraints leave this out, and of 184 solutions for gfx942 111 failed",
        )
        return replace(space, rules=(*space.rules, spread))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        tiled = _tiled(problem)
        if "intrinsic" not in point or tiled is None:
            return thread_configuration(problem, point, is_flat=True)
        return vector_configuration(problem, tiled, point)


SPACE = GpuConvolutionVectors()


def _tiled(problem: Problem) -> Tiled | None:
    return Tiled.of(problem, "image", "channel", "k")


def _spreads(tile: z3.ArithRef, lanes: int, threads: z3.ArithRef) -> z3.BoolRef:
    """Whether the vectors of a tile, each of so many elements, and the threads divide one another."""
    return z3.And(tile % lanes == 0, z3.Or((tile / lanes) % threads == 0, threads % (tile / lanes) == 0))

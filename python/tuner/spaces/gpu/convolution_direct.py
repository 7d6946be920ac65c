# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Direct convolutions on GPUs by TileAndFuse: a product of image and filter for each element of the window, summed.

Rows are batches and the image, columns output channels, sums input channels. The window is taken one element at a time,
so the image is read again for each, and no larger one is made of it. `gpu-convolution`, which makes one product of
everything (implicit GEMM), comes first: this space serves if it is named (`--space gpu-convolution-direct`).

Source of the form: IREE, `setDirectConvolutionLoweringConfig` in Dialect/GPU/TargetUtils/ConfigUtils.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import Product, matrix_configuration, matrix_intrinsics, matrix_space
from tuner.spaces.gpu.mma_sync_rules import has_whole_steps, is_measured
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import (
    bytes_of,
    copies_whole,
    ends_with_sums,
    extents,
    gpu_limits,
    has_known_types,
    has_strides,
)
from tuner.targets import Limits, MatrixIntrinsic

# Every part of a convolution that this form needs.
_ROLES = ("image", "channel", "window", "k")


@dataclass(frozen=True, slots=True)
class GpuConvolutionDirect:
    """Convolutions without strides, in any layout and with groups. Without an instruction for their types, or with
    too few channels for it, every thread computes by itself, as in `gpu-convolution`."""

    priority: int = -1

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in ("cuda", "rocm")
            and problem.kind == "convolution"
            and has_known_types(problem)
            and len(problem.operands) == 3
            and all(extents(problem, role) for role in _ROLES)
            and not has_strides(problem)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        intrinsics = matrix_intrinsics(problem, gpu)
        if not intrinsics or (is_measured(intrinsics) and not _has_whole_steps(problem, intrinsics)):
            return thread_space(problem, gpu, promoted=(0,))
        space = matrix_space(_product(problem), intrinsics, gpu)
        padded_image = Rule(
            "a padded image goes through shared memory",
            z3.Or(z3.Int("padded") == 0, z3.Int("promoted") % 2 == 1),
            "probed: the compiler does not distribute the copy to threads otherwise",
        )
        return replace(space, rules=(*space.rules, padded_image))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "intrinsic" not in point:
            return thread_configuration(problem, point, is_flat=True)
        product = matrix_configuration(_product(problem), point)
        levels = dict(product.levels)
        if padding := levels.pop("padding", None):
            window = _loops(problem, "window")
            levels["padding_conv"] = tuple(0 if index in window else tile for index, tile in enumerate(padding))
        return replace(product, levels=levels)


SPACE = GpuConvolutionDirect()


def _loops(problem: Problem, *roles: str) -> tuple[int, ...]:
    return tuple(index for index, loop in enumerate(problem.loops) if loop.role in roles)


def _has_whole_steps(problem: Problem, intrinsics: Sequence[MatrixIntrinsic]) -> bool:
    """Whether the input channels of an element of the window make steps of the depth that the rules ask for."""
    channels = prod(problem.loops[index].extent for index in _loops(problem, "k"))
    return has_whole_steps(channels, min(intrinsic.k for intrinsic in intrinsics))


def _product(problem: Problem) -> Product:
    return Product(
        names=problem.loop_names,
        extents=tuple(loop.extent for loop in problem.loops),
        batch=_loops(problem, "depth"),
        rows=_loops(problem, "batch", "image"),
        columns=_loops(problem, "channel"),
        sums=(*_loops(problem, "window"), *_loops(problem, "k")),
        lhs_bytes=bytes_of(problem, 0),
        rhs_bytes=bytes_of(problem, 1),
        sum_bytes=bytes_of(problem, 2),
        lhs_ends_with_sums=ends_with_sums(problem, 0),
        rhs_ends_with_sums=ends_with_sums(problem, 1),
        copies_whole=copies_whole(problem, 0) and copies_whole(problem, 1),
    )

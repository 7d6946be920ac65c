# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions on GPUs by TileAndFuse: with a matrix instruction as the product that IREE makes of them (implicit
GEMM: the window and the input channels become one loop), otherwise with every thread's own arithmetic. So are those on
NVIDIA GPUs whose sums no step of a matrix instruction divides, such as the 147 of 7 x 7 x 3.

IREE states constraints for some of these itself. This space serves more types and opens padding, which IREE's defaults
use and its constraints leave out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import z3

from tuner.constraints import ConstraintError, Rule, Space
from tuner.dispatch import PADDING, REDUCTIONS, Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import Product, matrix_configuration, matrix_intrinsics, matrix_space
from tuner.spaces.gpu.mma_sync_rules import has_whole_steps, is_measured
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import TARGETS, bytes_of, copies_whole, ends_with_sums, extents, gpu_limits, has_known_types
from tuner.targets import Limits

# The image always goes through shared memory (probed: the compiler reports its size there), as the product's first
# operand, or as its second if the output's channels come before its images.
_PROMOTED, _PROMOTED_SECOND = (1, 3), (2, 3)
# On AMD GPUs, if rows of an operand are no whole loads.
_PADDED_FILTER = Rule(
    "a padded filter goes through shared memory too",
    z3.Or(z3.Int("padded") == 0, z3.Int("promoted") == 3),
    "probed on gfx942 with 130 channels to 250: of 36 others 11 did not compile within 90 s or crashed the compiler",
)


@dataclass(frozen=True, slots=True)
class GpuConvolution:
    """Convolutions of two operands whose parallel loops come first."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in TARGETS
            and problem.kind == "convolution"
            and has_known_types(problem)
            and len(problem.operands) == 3
            and all(loop.is_parallel == (index < _outputs(problem)) for index, loop in enumerate(problem.loops))
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        intrinsics = matrix_intrinsics(problem, gpu)
        if intrinsics and _becomes_product(problem):
            product = _product(problem)
            space = matrix_space(product, intrinsics, gpu, _PROMOTED_SECOND if _filter_first(problem) else _PROMOTED)
            if not is_measured(intrinsics):
                return space if product.copies_whole else replace(space, rules=(*space.rules, _PADDED_FILTER))
            sums = product.extents[-1]
            if has_whole_steps(sums, min(intrinsic.k for intrinsic in intrinsics)):
                return replace(space, rules=(*space.rules, _whole_steps(sums)))
        if PADDING in problem.computation.split():
            raise ConstraintError(
                "IREE's compiler dies of tiles of threads if padding is fused with the convolution (22 of 24 samples)"
            )
        return thread_space(problem, gpu, promoted=(0,))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "intrinsic" in point:
            product = matrix_configuration(_product(problem), point, of_convolution=True)
            return replace(product, levels={**product.levels, **_padding(problem, product.levels)})
        return thread_configuration(problem, point, is_flat=True)


SPACE = GpuConvolution()


def _outputs(problem: Problem) -> int:
    return sum(loop.is_parallel for loop in problem.loops)


def _becomes_product(problem: Problem) -> bool:
    """Whether the filter's window and input channels lie side by side, so that they become one loop."""
    if not extents(problem, "image") or not extents(problem, "channel") or not extents(problem, "k"):
        return False
    sums = [index for index, loop in enumerate(problem.loops) if loop.role in REDUCTIONS]
    filters = problem.operands[1].loops
    places = [filters.index(loop) for loop in sums if loop in filters]
    return places == list(range(places[0], places[0] + len(sums))) if places else False


def _filter_first(problem: Problem) -> bool:
    """Whether the filter is the product's first operand: the output's channels come before its images.

    Source: IREE, `isOutputChannelFirst` in Dialect/LinalgExt/Transforms/ConvertConvToIm2ColOp.cpp.
    """
    roles = [loop.role for loop in problem.loops]
    return roles.index("channel") < roles.index("image")


def _product(problem: Problem) -> Product:
    """The output's loops as they stand, then one of all sums, `k`."""
    outputs = _outputs(problem)
    roles = [loop.role for loop in problem.loops[:outputs]]
    images = tuple(index for index, role in enumerate(roles) if role in ("batch", "image"))
    channels = tuple(index for index, role in enumerate(roles) if role == "channel")
    rows, columns, lhs, rhs = (channels, images, 1, 0) if _filter_first(problem) else (images, channels, 0, 1)
    # The image of which the compiler makes a matrix ends with sums.
    ends = (True, ends_with_sums(problem, 1))
    return Product(
        names=(*problem.loop_names[:outputs], "k"),
        extents=(
            *(loop.extent for loop in problem.loops[:outputs]),
            prod(loop.extent for loop in problem.loops[outputs:]),
        ),
        batch=tuple(index for index, role in enumerate(roles) if role == "depth"),
        rows=rows,
        columns=columns,
        sums=(outputs,),
        lhs_bytes=bytes_of(problem, lhs),
        rhs_bytes=bytes_of(problem, rhs),
        sum_bytes=bytes_of(problem, 2),
        lhs_ends_with_sums=ends[lhs],
        rhs_ends_with_sums=ends[rhs],
        copies_whole=copies_whole(problem, 0) and copies_whole(problem, 1),
    )


def _whole_steps(extent: int) -> Rule:
    """On NVIDIA GPUs: steps leave no remainder of `extent` sums."""
    return Rule(
        f"steps leave no remainder of {extent} sums",
        extent % z3.Int("depth") == 0,
        "measured on an H200: of 1,200 candidates of four convolutions the 25 with a remainder gave NaN, no other did",
    )


def _padding(problem: Problem, levels: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """How the convolution is padded before it becomes a product: like the product, but never its window.

    Source: IREE, `getPaddingConvSizes` in Dialect/GPU/TargetUtils/ConfigUtils.cpp.
    """
    channels = problem.operands[0].loops[-1]
    if "padding" not in levels or channels < 0 or problem.loops[channels].role != "k":
        return {}
    *outputs, depth = levels["padding"]
    sums = dict.fromkeys(range(len(outputs), len(problem.loops)), 0)
    if _product(problem).extents[-1] % depth != 0 and depth // problem.loops[channels].extent <= 2:
        sums[channels] = depth
    return {"padding_conv": (*outputs, *sums.values())}

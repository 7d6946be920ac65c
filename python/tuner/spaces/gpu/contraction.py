# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions on GPUs by TileAndFuse: matmul, batch_matmul, transposed. With a matrix instruction if the chip has one
for the element types, otherwise with every thread's own arithmetic.

IREE states constraints for some of these itself. This space serves more types and batches, and opens what IREE fixes:
padding, promotion, the software pipeline, bank conflicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import Product, matrix_configuration, matrix_intrinsics, matrix_space
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import (
    TARGETS,
    bytes_of,
    copies_whole,
    ends_with_sums,
    gpu_limits,
    has_known_types,
    is_skinny,
)
from tuner.targets import Limits

# For products of which a side has several loops, as other loops lie between those in memory.
_PADDED_LOOPS = Rule(
    "padded operands of several loops of rows or columns go through shared memory",
    z3.Or(z3.Int("padded") == 0, z3.Int("promoted") == 3),
    "probed on gfx942: of 32 others 10 did not compile, of products of one loop each all of 64",
)


@dataclass(frozen=True, slots=True)
class GpuContraction:
    """Contractions that are not so narrow that IREE reduces them."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in TARGETS and problem.kind == "contraction" and has_known_types(problem) and not is_skinny(problem)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        intrinsics = matrix_intrinsics(problem, gpu)
        if intrinsics:
            product = _product(problem)
            space = matrix_space(product, intrinsics, gpu)
            if len(product.rows) == len(product.columns) == 1:
                return space
            return replace(space, rules=(*space.rules, _PADDED_LOOPS))
        return thread_space(problem, gpu, promoted=(0, 3))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "intrinsic" in point:
            return matrix_configuration(_product(problem), point)
        return thread_configuration(problem, point, is_flat=False)


SPACE = GpuContraction()


def _product(problem: Problem) -> Product:
    loops = {
        role: tuple(index for index, loop in enumerate(problem.loops) if loop.role == role)
        for role in ("batch", "m", "n", "k")
    }
    return Product(
        names=problem.loop_names,
        extents=tuple(loop.extent for loop in problem.loops),
        batch=loops["batch"],
        rows=loops["m"],
        columns=loops["n"],
        sums=loops["k"],
        lhs_bytes=bytes_of(problem, 0),
        rhs_bytes=bytes_of(problem, 1),
        sum_bytes=bytes_of(problem, 2),
        lhs_ends_with_sums=ends_with_sums(problem, 0),
        rhs_ends_with_sums=ends_with_sums(problem, 1),
        copies_whole=copies_whole(problem, 0) and copies_whole(problem, 1),
    )

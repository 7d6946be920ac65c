# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The work of a problem: iterations, bytes, operations. Pure numbers, no compiler."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.dispatch import Loop, Operand, Problem

# Kinds that multiply and add in each iteration of all loops.
_SUMS_OF_PRODUCTS = ("contraction", "convolution", "mmt4d")
# Kinds whose loops do not say how large the operands are: what happens within a tile is the op's own matter.
_OF_TILES = ("inner-tiled",)


@dataclass(frozen=True, slots=True)
class Work:
    """What dispatches of a problem do in one run of the model: iterations of all loops, and bytes of all operands."""

    iterations: float
    bytes: float

    @staticmethod
    def of(problem: Problem, runs: int) -> Work:
        """`runs`: how often a run of the model solves the problem."""
        iterations = math.prod(loop.extent for loop in problem.loops)
        moved = sum(_bytes_of(operand, problem.loops) for operand in problem.operands)
        return Work(float(runs * iterations), float(runs * moved))

    @property
    def size(self) -> float:
        """What says before anything is timed which dispatch probably takes longer: an iteration counts as a byte."""
        return max(self.iterations, self.bytes)


NO_WORK = Work(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one run of a dispatch does at least, for rates that are compared with a machine's peaks.

    `operations`: multiplications and additions; 0 if the kind of the problem does not say. `bytes`: of each operand
    once; 0 if not known. `types`: the element types of the operands, as in "f16xf16xf32", or "f32" if all are alike.
    """

    operations: float
    bytes: float
    types: str

    @staticmethod
    def of(problem: Problem) -> Footprint:
        """That of one run of a problem."""
        work = Work.of(problem, runs=1)
        types = [operand.element_type for operand in problem.operands]
        return Footprint(
            operations=work.iterations * _per_iteration(problem),
            bytes=0.0 if problem.kind in _OF_TILES else work.bytes,
            types=types[0] if len(set(types)) == 1 else "x".join(types),
        )

    @property
    def intensity(self) -> float | None:
        """Operations for each byte; None if one of them is not known."""
        return self.operations / self.bytes if self.operations and self.bytes else None


def _per_iteration(problem: Problem) -> int:
    """Operations of one iteration of all loops; 0 if they are not known."""
    if problem.kind not in _SUMS_OF_PRODUCTS:
        return 0
    # The second operand of a pooling is a window without content: nothing is multiplied.
    window = problem.operands[1].loops if len(problem.operands) > 1 else ()
    roles = {problem.loops[loop].role for loop in window if loop >= 0}
    return 1 if roles == {"window"} and not any(loop.role == "k" for loop in problem.loops) else 2


def _bytes_of(operand: Operand, loops: Sequence[Loop]) -> float:
    """The bytes of an operand. A dimension that is not one loop alone is taken for that of an image."""
    images = iter([loop.extent for loop in loops if loop.role == "image"])
    extents = [loops[loop].extent if loop >= 0 else next(images, 1) for loop in operand.loops]
    bits = re.search(r"\d+", operand.element_type)
    return math.prod(extents) * (int(bits[0]) if bits else 32) / 8

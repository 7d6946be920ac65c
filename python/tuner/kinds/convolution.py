# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and poolings, of any number of image loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir
from iree.compiler._mlir_libs import _mlirDialectsLinalg as linalg

from tuner import native
from tuner.dispatch import Problem
from tuner.kinds.structured import by_loop


@dataclass(frozen=True, slots=True)
class Convolution:
    """Any op of linalg that is a convolution."""

    priority: int = 10

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        if linalg.isa_contraction_op(root_op) or not linalg.isa_convolution_op(root_op):
            return None
        loops = linalg.infer_convolution_dimensions(root_op)
        # An op that reads windows and sums nothing has the form of a convolution too, sometimes with unnamed loops.
        if loops is None or all(native.problem(root_op).parallel):
            return None
        return by_loop(
            {
                "batch": loops.batch,
                "image": loops.output_image,
                "channel": loops.output_channel,
                "depth": loops.depth,
                "window": loops.filter_loop,
                "k": loops.input_channel,
            }
        )

    def matcher(self, problem: Problem) -> str:
        """None: the compiler rewrites a convolution of one output column after it has applied a spec, and an entry
        that matched it breaks the compilation."""
        del problem
        return ""


KIND = Convolution()

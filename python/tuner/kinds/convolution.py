# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and poolings, of any number of image loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from iree.compiler import ir
from iree.compiler._mlir_libs import _mlirDialectsLinalg as linalg

from tuner import native
from tuner.dispatch import Problem
from tuner.kinds.structured import by_loop, dims_equal, maps_of

_OPERANDS = 3
_ROLES = ("batch", "image", "channel", "window", "k", "depth")
_PRODUCTS = ("arith.mulf", "arith.muli", "complex.mul")


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
        roles = by_loop(
            {
                "batch": loops.batch,
                "image": loops.output_image,
                "channel": loops.output_channel,
                "depth": loops.depth,
                "window": loops.filter_loop,
                "k": loops.input_channel,
            }
        )
        return roles if _multiplies(root_op) or not _has_filter(roles, _filter_loops(root_op)) else None

    def matcher(self, problem: Problem) -> str:
        """None for a pooling, whose computation its form leaves open, nor if other ops need configurations too.

        On one image the compiler may rewrite the op after it has applied a spec, and an entry that matched it breaks
        the compilation. Such an entry becomes a late one when the model is read back.
        """
        roles = {index: loop.role for index, loop in enumerate(problem.loops)}
        if len(problem.operands) != _OPERANDS or problem.followers:
            return ""
        lhs, rhs, out = problem.operands
        if not _has_filter(roles, rhs.loops):
            return ""
        results = ", ".join(f"%{role}" for role in (*_ROLES, "strides", "dilations"))
        return f"""\
    {results} = transform.iree.match.convolution %op,
      lhs_type = {lhs.element_type}, rhs_type = {rhs.element_type}, output_type = {out.element_type},
      indexing_maps = [{maps_of(problem)}]
      : !transform.any_op -> !transform.param<i64>
{dims_equal(problem.extents_of(*_ROLES))}"""


def _has_filter(roles: Mapping[int, str], loops: Iterable[int]) -> bool:
    """Whether the second operand, of these loops, holds weights. That of a pooling has the shape of the window."""
    return any(roles.get(loop) in ("channel", "depth", "k") for loop in loops)


def _filter_loops(root_op: ir.Operation) -> list[int]:
    return [found.position for found in native.problem(root_op).indexing_maps[1].results if _is_loop(found)]


def _is_loop(expression: ir.AffineExpr) -> bool:
    return isinstance(expression, ir.AffineDimExpr)


def _multiplies(root_op: ir.Operation) -> bool:
    """Whether the op sums products, as opposed to the largest sums, for example."""
    return any(op.name in _PRODUCTS for op in root_op.regions[0].blocks[0])


KIND = Convolution()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions: matmul, batch_matmul, matrix-vector, transposed or of several loops each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# What `dialects.linalg` re-exports, without the named ops that it defines in Python: a tenth of a second less.
from iree.compiler import ir
from iree.compiler._mlir_libs import _mlirDialectsLinalg as linalg

from tuner.dispatch import Problem
from tuner.kinds.structured import by_loop, dims_equal, maps_of

_OPERANDS = 3
_ROLES = ("batch", "m", "n", "k")


@dataclass(frozen=True, slots=True)
class Contraction:
    """Any op of linalg that is a contraction."""

    priority: int = 10

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        if not linalg.isa_contraction_op(root_op):
            return None
        loops = linalg.infer_contraction_dimensions(root_op)
        return by_loop({role: getattr(loops, role) for role in _ROLES})

    def matcher(self, problem: Problem) -> str:
        """Contractions keep their form from the point where specs are applied to the code generator."""
        if len(problem.operands) != _OPERANDS:
            return ""
        lhs, rhs, out = problem.operands
        return f"""\
    %batch, %m, %n, %k = transform.iree.match.contraction %op,
      lhs_type = {lhs.element_type}, rhs_type = {rhs.element_type}, output_type = {out.element_type},
      indexing_maps = [{maps_of(problem)}]
      : !transform.any_op -> !transform.param<i64>
{dims_equal(problem.extents_of(*_ROLES))}"""


KIND = Contraction()

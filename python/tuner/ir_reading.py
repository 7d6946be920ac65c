# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads facts out of IREE's IR: ops by name, a dispatch's configuration, the problem of a root op."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from iree.compiler import ir
from iree.compiler.dialects import linalg

from tuner import native
from tuner.dispatch import Configured, Loop, LoopRole, Operand, Problem


def ops_named(root: ir.Operation, name: str) -> Iterator[ir.Operation]:
    """Every op of that name below `root`, in walk order."""
    found: list[ir.Operation] = []

    def visit(op: ir.Operation) -> ir.WalkResult:
        if op.name == name:
            found.append(op)
        return ir.WalkResult.ADVANCE

    root.walk(visit)
    return iter(found)


def read_configured(function: ir.Operation) -> Configured:
    """The configuration that a dispatch function carries now."""
    translation = native.translation_info(function)
    return Configured(
        translation_info="" if translation is None else str(translation.attribute),
        lowering_configs=tuple(str(op.attributes["lowering_config"]) for op in native.configured_ops(function)),
    )


def read_problem(root_op: ir.Operation) -> Problem | str:
    """The problem that a root op solves, or the reason why no kind of ours describes it."""
    if not linalg.isa_contraction_op(root_op):
        return f"{root_op.name} is no contraction"
    dims = linalg.infer_contraction_dimensions(root_op)
    by_role: dict[LoopRole, Any] = {"batch": dims.batch, "m": dims.m, "n": dims.n, "k": dims.k}
    roles = {int(index): role for role, indices in by_role.items() for index in indices}
    maps = [ir.AffineMapAttr(entry).value for entry in linalg.get_indexing_maps(root_op)]
    extents: dict[int, int] = {}
    operands = []
    for operand, indexing_map in zip(root_op.operands, maps, strict=True):
        shaped = ir.ShapedType(operand.type)
        if not shaped.has_static_shape:
            return "its shapes are dynamic; bind them first"
        loops = []
        for size, expression in zip(shaped.shape, indexing_map.results, strict=True):
            if not isinstance(expression, ir.AffineDimExpr):
                return f"its indexing map {indexing_map} is no permutation of loops"
            loop = expression.position
            extents[loop] = size
            loops.append(loop)
        operands.append(Operand(str(shaped.element_type), str(indexing_map), tuple(loops)))
    if set(roles) != set(range(maps[0].n_dims)) or set(extents) != set(roles):
        return "some of its loops have no role in a contraction"
    return Problem(
        kind="contraction",
        loops=tuple(Loop(extents[index], roles[index]) for index in sorted(roles)),
        operands=tuple(operands),
    )

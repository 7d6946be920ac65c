# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention: two products with a softmax between them, in one op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds.structured import dims_equal, maps_of, parallel_or_reduced

_NAMES = ("query", "key", "value", "scale", "output", "max", "sum")
_OPERANDS = len(_NAMES)


@dataclass(frozen=True, slots=True)
class Attention:
    """IREE's op for attention, as the code generator receives it."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        return parallel_or_reduced(root_op) if root_op.name == "iree_linalg_ext.online_attention" else None

    def matcher(self, problem: Problem) -> str:
        """None with a mask, or if other ops need configurations too: IREE has no matcher for a masked one."""
        extents = _extents(problem) if len(problem.operands) == _OPERANDS and not problem.followers else None
        if extents is None:
            return ""
        types = ", ".join(
            f"{name}_type = {operand.element_type}" for name, operand in zip(_NAMES, problem.operands, strict=True)
        )
        return f"""\
    {", ".join(f"%{name}" for name in extents)} = transform.iree.match.online_attention %op,
      {types},
      indexing_maps = [{maps_of(problem)}]
      : !transform.any_op -> !transform.param<i64>
{dims_equal(extents)}"""


def _extents(problem: Problem) -> dict[str, list[int]] | None:
    """The extents of the loops by their part in attention, under IREE's names; None if one has no part.

    Source: IREE, `AttentionOpDetail` in Dialect/LinalgExt/Utils/IndexingUtils.cpp.
    """
    query, key, value = (set(operand.loops) for operand in problem.operands[:3])
    parts = {
        "batch": query & key & value,
        "m": query - key - value,
        "n": value - query - key,
        "k1": (query & key) - value,
        "k2": (key & value) - query,
    }
    if set().union(*parts.values()) != set(range(len(problem.loops))):
        return None
    return {name: [problem.loops[index].extent for index in sorted(loops)] for name, loops in parts.items()}


KIND = Attention()

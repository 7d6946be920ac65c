# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of tiles: the compiler has packed the operands for an instruction, and loops over the tiles are left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Problem

_OPERANDS = 3


@dataclass(frozen=True, slots=True)
class InnerTiled:
    """IREE's op for them. Its loops are those over tiles; what happens within a tile is the op's own matter."""

    priority: int = 20

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        if root_op.name != "iree_codegen.inner_tiled":
            return None
        read = native.problem(root_op)
        if len(read.indexing_maps) != _OPERANDS:
            return None
        lhs, rhs = (
            {found.position for found in indexing_map.results if isinstance(found, ir.AffineDimExpr)}
            for indexing_map in read.indexing_maps[:2]
        )
        return {loop: _role(loop in lhs, loop in rhs, parallel) for loop, parallel in enumerate(read.parallel)}

    def matcher(self, problem: Problem) -> str:
        """None: the compiler makes these ops after it has applied a spec."""
        del problem
        return ""


def _role(of_lhs: bool, of_rhs: bool, parallel: bool) -> str:
    if not parallel:
        return "k"
    return "batch" if of_lhs and of_rhs else "m" if of_lhs else "n"


KIND = InnerTiled()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data-tiled matrix products: the compiler has packed the operands into tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds import contraction

_OPS = ("linalg.mmt4d", "linalg.batch_mmt4d")


@dataclass(frozen=True, slots=True)
class Mmt4d:
    """Contractions as well, with loops for the tiles and loops within a tile."""

    priority: int = 20

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        return contraction.KIND.roles(root_op) if root_op.name in _OPS else None

    def matcher(self, problem: Problem) -> str:
        """None: the compiler makes these ops after it has applied a spec."""
        del problem
        return ""


KIND = Mmt4d()

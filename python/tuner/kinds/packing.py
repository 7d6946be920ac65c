# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Moves of a tensor into tiles and out of them, which data tiling puts around its products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Problem
from tuner.kinds.structured import parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Packing:
    """`linalg.pack` and `linalg.unpack`. Sizes and order of the tiles stand in the operands' maps."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        return parallel_or_reduced(root_op) or None if root_op.name in native.LAYOUT_OPS else None

    def matcher(self, problem: Problem) -> str:
        """None: the compiler makes most of these ops after it has applied a spec."""
        del problem
        return ""


KIND = Packing()

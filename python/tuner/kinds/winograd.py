# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Winograd's transforms of images, filters and results, which stand around the products that are left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Problem
from tuner.kinds.structured import parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Winograd:
    """IREE's ops for them. The size of a tile stands in the operands' maps."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        return parallel_or_reduced(root_op) or None if root_op.name in native.WINOGRAD_OPS else None

    def matcher(self, problem: Problem) -> str:
        """None: the compiler makes these ops after it has applied a spec."""
        del problem
        return ""


KIND = Winograd()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention: two products with a softmax between them, in one op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds.structured import parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Attention:
    """IREE's op for attention, as the code generator receives it."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        return parallel_or_reduced(root_op) if root_op.name == "iree_linalg_ext.online_attention" else None

    def matcher(self, problem: Problem) -> str:
        del problem
        return ""


KIND = Attention()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions: sums and maxima, and what is built of them (softmax, norms)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds.structured import is_computation, parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Reduction:
    """Any other op of linalg that reduces a loop."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        roles = parallel_or_reduced(root_op) if is_computation(root_op) else {}
        return roles if "k" in roles.values() else None

    def matcher(self, problem: Problem) -> str:
        del problem
        return ""


KIND = Reduction()

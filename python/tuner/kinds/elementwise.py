# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elementwise computations, transpositions among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds.structured import is_computation, parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Elementwise:
    """Any other op of linalg whose loops are all parallel."""

    priority: int = 0

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        roles = parallel_or_reduced(root_op) if is_computation(root_op) else None
        return None if roles is None or "k" in roles.values() else roles

    def matcher(self, problem: Problem) -> str:
        del problem
        return ""


KIND = Elementwise()

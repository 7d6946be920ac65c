# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies between buffers, such as of an image into a padded one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir

from tuner.dispatch import Problem
from tuner.kinds.structured import is_computation, parallel_or_reduced


@dataclass(frozen=True, slots=True)
class Copy:
    """Ops of linalg that have no result: they work on buffers, not on tensors, and their pipelines differ."""

    priority: int = 20

    def roles(self, root_op: ir.Operation) -> Mapping[int, str] | None:
        roles = parallel_or_reduced(root_op) if is_computation(root_op) and not root_op.results else {}
        return roles if roles and "k" not in roles.values() else None

    def matcher(self, problem: Problem) -> str:
        del problem
        return ""


KIND = Copy()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention's loops do, on any target."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.dispatch import Problem


@dataclass(frozen=True, slots=True)
class AttentionLoops:
    """Attention's loops by their role: [batch, queries, features] times [batch, keys, features], times values."""

    batch: tuple[int, ...]
    queries: int
    values: int
    features: int
    keys: int


def attention_loops(problem: Problem) -> AttentionLoops | None:
    """The loops by their role, which the operands that they index show; None if a role has not exactly one loop."""
    query, key, value = (set(operand.loops) for operand in problem.operands[:3])
    queries, values = list(query - key), list(value - key - query)
    features, keys = list((query & key) - value), list((key & value) - query)
    if any(len(found) != 1 for found in (queries, values, features, keys)):
        return None
    return AttentionLoops(tuple(sorted(query & key & value)), queries[0], values[0], features[0], keys[0])

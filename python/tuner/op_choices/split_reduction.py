# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Split-K: a product of few outputs and a long sum becomes several partial products and a sum of them.

Source: IREE's LinalgExt dialect; the compiler splits each op with this attribute, without a flag (tried with
iree-compile 3.13).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting

_SPLIT = "iree_linalg_ext.split_reduction"
# Outputs for each term of a sum: with more the product is parallel enough as it is.
_MOST_OUTPUTS_PER_TERM = 4
# Terms of a sum that are worth splitting, and parts that are tried.
_LEAST_TERMS, _PARTS = 1024, (4, 16)


@dataclass(frozen=True, slots=True)
class SplitReduction:
    """Splits the one reduced loop of products."""

    targets: tuple[str, ...] = ("cpu", "cuda", "rocm")
    priority: int = -10
    flags: tuple[str, ...] = ()

    def values(self, op: InputOp) -> Sequence[str]:
        reduced = [loop.extent for loop in op.loops if not loop.is_parallel]
        if op.name not in ("linalg.matmul", "linalg.matvec", "linalg.vecmat") or len(reduced) != 1:
            return ()
        outputs, (terms,) = math.prod(loop.extent for loop in op.loops if loop.is_parallel), reduced
        if terms < _LEAST_TERMS or outputs > _MOST_OUTPUTS_PER_TERM * terms:
            return ()
        return tuple(str(terms // parts) for parts in _PARTS if terms % parts == 0)

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del op
        return Rewriting({_SPLIT: f"[{value} : index]"})


KIND = SplitReduction()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data tiling of single products: the compiler repacks the operands of the marked ones alone.

Source: IREE's Encoding/Utils; with `--iree-opt-data-tiling` a mark on any op switches the compiler's own choice off
(tried with iree-compile 3.13: of two products only the marked one is encoded).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.tensors import TILED_MARK, TILING

_PRODUCTS = ("linalg.matmul", "linalg.batch_matmul", "linalg.matvec", "linalg.vecmat", "linalg.batch_matvec")


@dataclass(frozen=True, slots=True)
class DataTiling:
    """Marks products."""

    targets: tuple[str, ...] = ("cpu",)
    priority: int = 20
    flags: tuple[str, ...] = (TILING,)

    def values(self, op: InputOp) -> Sequence[str]:
        return ("on",) if op.name in _PRODUCTS else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del op, value
        return Rewriting({TILED_MARK: ""}, flags=self.flags)


KIND = DataTiling()

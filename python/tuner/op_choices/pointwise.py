# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of one element as products: [channels, k] x [k, image], which leaves the image as it lies in memory.

The compiler's own conversion needs channels last, or a transposed image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.tensors import TILING, floats, product, total


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Those in the order batch, channels, rows, columns, of one batch and stride 1. `tiled`: with data tiling."""

    priority: int = 40
    flags: tuple[str, ...] = (TILING,)

    def values(self, op: InputOp) -> Sequence[str]:
        tensors = floats(op.operands)
        if op.name != "linalg.conv_2d_nchw_fchw" or not tensors:
            return ()
        image, weights, out = tensors
        is_pointwise = weights.shape[2:] == (1, 1) and set(op.strides) == {1} and image.shape[2:] == out.shape[2:]
        return ("tiled", "product") if is_pointwise and image.shape[0] == 1 and math.prod(out.shape[2:]) > 1 else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        image, weights, out = floats(op.operands)
        channels, k, *_ = weights.shape
        _, _, height, width = out.shape
        rows, columns = weights.of(channels, k), image.of(k, height * width)
        multiplied = product(rows, columns, is_tiled=value == "tiled")
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %second: {out}) -> {out} {{
    %columns = tensor.collapse_shape %image [[0, 1], [2, 3]] : {image} into {columns}
    %rows = tensor.collapse_shape %weights [[0], [1, 2, 3]] : {weights} into {rows}
{multiplied}\
    %first = tensor.expand_shape %product [[0, 1], [2, 3]] output_shape [1, {channels}, {height}, {width}]
      : {out.of(channels, height * width)} into {out}
{total(out)}  }}""",
            flags=self.flags if value == "tiled" else (),
        )


KIND = Pointwise()

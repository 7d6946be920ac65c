# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Transposed convolutions whose windows do not overlap, as products.

The importer spreads the image over zeros and convolves that with the flipped window: three of four products of a 2x2
window are with zero. Without overlap each output element comes from one element of the image, so one product
[channels * window, k] x [k, image] and a transposition do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.tensors import TILING, Tensor, floats, product, total


@dataclass(frozen=True, slots=True)
class TransposedConvolution:
    """Those of stride equal to the window, in the order batch, channels, rows, columns. `tiled`: with data tiling."""

    targets: tuple[str, ...] = ("cpu", "cuda", "rocm")
    priority: int = 50
    flags: tuple[str, ...] = (TILING,)

    def values(self, op: InputOp) -> Sequence[str]:
        tensors, spread = floats(op.operands), Tensor.parse(op.spread)
        if op.name != "linalg.conv_2d_nchw_fchw" or not tensors or spread is None:
            return ()
        _, weights, out = tensors
        window = weights.shape[2:]
        # The last element of the window meets the first element of the image.
        begins = (0, 0, window[0] - 1, window[1] - 1)
        is_apart = op.steps == (1, 1, *window) and op.offsets == begins and {*op.strides, *op.dilations} == {1}
        fills = out.shape[2:] == (spread.shape[2] * window[0], spread.shape[3] * window[1])
        return ("tiled", "product") if is_apart and fills and out.shape[0] == 1 else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        _, weights, out = floats(op.operands)
        image = Tensor.parse(op.spread)
        assert image is not None, "values() took it"
        channels, k, window_rows, window_columns = weights.shape
        _, _, height, width = image.shape
        parts = channels * window_rows * window_columns
        flipped, rows = weights.of(channels, window_rows, window_columns, k), weights.of(parts, k)
        columns, multiplied = image.of(k, height * width), image.of(parts, height * width)
        apart = image.of(channels, window_rows, window_columns, height, width)
        placed = image.of(channels, height, window_rows, width, window_columns)
        joined = image.of(*out.shape[1:])
        steps = product(rows, columns, is_tiled=value == "tiled")
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %second: {out}) -> {out} {{
    %columns = tensor.collapse_shape %image [[0, 1], [2, 3]] : {image} into {columns}
    %last_row = arith.constant {window_rows - 1} : index
    %last_column = arith.constant {window_columns - 1} : index
    %flipped_empty = tensor.empty() : {flipped}
    %flipped = linalg.generic {{indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}} outs(%flipped_empty : {flipped}) {{
    ^bb0(%out: {image.element}):
      %channel = linalg.index 0 : index
      %row = linalg.index 1 : index
      %column = linalg.index 2 : index
      %k = linalg.index 3 : index
      %flipped_row = arith.subi %last_row, %row : index
      %flipped_column = arith.subi %last_column, %column : index
      %weight = tensor.extract %weights[%channel, %k, %flipped_row, %flipped_column] : {weights}
      linalg.yield %weight : {image.element}
    }} -> {flipped}
    %rows = tensor.collapse_shape %flipped [[0, 1, 2], [3]] : {flipped} into {rows}
{steps}\
    %apart = tensor.expand_shape %product [[0, 1, 2], [3, 4]]
      output_shape [{channels}, {window_rows}, {window_columns}, {height}, {width}] : {multiplied} into {apart}
    %placed_empty = tensor.empty() : {placed}
    %placed = linalg.transpose ins(%apart : {apart}) outs(%placed_empty : {placed}) permutation = [0, 3, 1, 4, 2]
    %joined = tensor.collapse_shape %placed [[0], [1, 2], [3, 4]] : {placed} into {joined}
    %first = tensor.expand_shape %joined [[0, 1], [2], [3]] output_shape [{", ".join(map(str, out.shape))}]
      : {joined} into {out}
{total(out)}  }}""",
            flags=self.flags if value == "tiled" else (),
        )


KIND = TransposedConvolution()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions as products with a matrix of patches: [channels, window] x [window, image].

Each column of the matrix is what the window sees in one place. The compiler's own conversion does this to all
convolutions at once. Here it is for those that the compiler makes slow code of: of few input channels, with strides, or
with a window of one row or column.

Source: with AVX-512 and one thread, 64 channels of 112x112 from 3 with 7x7 elements and stride 2 took 3.5 ms instead of
18.2 (13.2 in blocks of channels), 32 of 112x112 from 3 with 3x3 0.32 instead of 1.68, 128 of 28x28 from 128 with 3x3
and stride 2 3.1 instead of 14.0. With stride 1 they were slower: 64 of 56x56 from 64 with 3x3 3.4 instead of 2.7.
Windows of one row: 60 of 1x40 from 960 with 1x3 6.8 times as fast, 60 of 1x40 from 480 12 times, 128 of 28x28 from 128
with 1x7 13.7 times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.convolution import Convolution
from tuner.op_choices.tensors import TILING, product, total

# Channels of the image that are few.
_FEW_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Patches:
    """Those of one batch with the channels first. `tiled`: with data tiling."""

    targets: tuple[str, ...] = ("cpu",)
    priority: int = 30
    flags: tuple[str, ...] = (TILING,)

    def values(self, op: InputOp) -> Sequence[str]:
        found = Convolution.of(op)
        if found is None or found.is_depthwise or op.spread:
            return ()
        if (found.image_order, found.weights_order) != ("nchw", "fchw") or set(found.dilations) != {1}:
            return ()
        is_slow = found.channels <= _FEW_CHANNELS or max(found.strides) > 1 or min(found.window) == 1
        return ("tiled", "product") if is_slow and found.batch == 1 and math.prod(found.window) > 1 else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        found = Convolution.of(op)
        assert found is not None, "values() took it"
        image, weights, out = found.image, found.weights, found.out
        down, right = found.strides
        planes = image.of(found.channels, *found.pixels)
        patches = image.of(found.channels, *found.window, *found.outputs)
        depth, pixels = found.channels * math.prod(found.window), math.prod(found.outputs)
        columns, rows = image.of(depth, pixels), weights.of(found.filters, depth)
        element = image.element
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %second: {out}) -> {out} {{
    %planes = tensor.collapse_shape %image [[0, 1], [2], [3]] : {image} into {planes}
    %patches_empty = tensor.empty() : {patches}
    %patches = linalg.generic {{indexing_maps = [
      affine_map<(c, i, j, h, w) -> (c, {down} * h + i, {right} * w + j)>,
      affine_map<(c, i, j, h, w) -> (c, i, j, h, w)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]}}
      ins(%planes : {planes}) outs(%patches_empty : {patches}) {{
    ^bb0(%seen: {element}, %unused: {element}):
      linalg.yield %seen : {element}
    }} -> {patches}
    %columns = tensor.collapse_shape %patches [[0, 1, 2], [3, 4]] : {patches} into {columns}
    %rows = tensor.collapse_shape %weights [[0], [1, 2, 3]] : {weights} into {rows}
{product(rows, columns, is_tiled=value == "tiled")}\
    %first = tensor.expand_shape %product [[0, 1], [2, 3]] output_shape [{", ".join(map(str, out.shape))}]
      : {out.of(found.filters, pixels)} into {out}
{total(out)}  }}""",
            flags=self.flags if value == "tiled" else (),
        )


KIND = Patches()

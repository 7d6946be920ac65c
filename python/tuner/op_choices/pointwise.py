# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of one element as products: [channels, k] x [k, image], which leaves the image as it lies in memory.

The compiler's own conversion needs channels last, or a transposed image. With channels last it is [image, k] x
[k, channels], which the compiler makes by itself: there only data tiling is a choice.

Source of the latter: with AVX-512 and one thread, 200 to 80 channels of 13x13 took 0.06 ms instead of 0.25, 960 to 320
of 7x7 0.36 instead of 0.57, 24 to 144 of 56x56 0.25 instead of 0.22.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.convolution import Convolution
from tuner.op_choices.tensors import TILING, product, total

# Orders of image and weights.
_ORDERS = (("nchw", "fchw"), ("nhwc", "hwcf"))


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Those of one batch and stride 1, in the orders of `_ORDERS`. `tiled`: with data tiling."""

    targets: tuple[str, ...] = ("cpu",)
    priority: int = 40
    flags: tuple[str, ...] = (TILING,)

    def values(self, op: InputOp) -> Sequence[str]:
        found = Convolution.of(op)
        if found is None or (found.image_order, found.weights_order) not in _ORDERS:
            return ()
        is_pointwise = found.window == (1, 1) and set(found.strides) == {1} and found.pixels == found.outputs
        if not is_pointwise or found.batch != 1 or math.prod(found.outputs) == 1:
            return ()
        return ("tiled", "product") if _channels_first(found) else ("tiled",)

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        found = Convolution.of(op)
        assert found is not None, "values() took it"
        image, weights, out = found.image, found.weights, found.out
        pixels, first = math.prod(found.outputs), _channels_first(found)
        # The dimensions of the image, the weights and the output that are one in the product.
        joined, kept = ("[[0, 1], [2, 3]]", "[[0], [1, 2, 3]]") if first else ("[[0, 1, 2], [3]]", "[[0, 1, 2], [3]]")
        flat = image.of(found.channels, pixels) if first else image.of(pixels, found.channels)
        matrix = weights.of(*((found.filters, found.channels) if first else (found.channels, found.filters)))
        rows, columns = (matrix, flat) if first else (flat, matrix)
        of_image, of_weights = ("columns", "rows") if first else ("rows", "columns")
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %second: {out}) -> {out} {{
    %{of_image} = tensor.collapse_shape %image {joined} : {image} into {flat}
    %{of_weights} = tensor.collapse_shape %weights {kept} : {weights} into {matrix}
{product(rows, columns, is_tiled=value == "tiled")}\
    %first = tensor.expand_shape %product {joined} output_shape [{", ".join(map(str, out.shape))}]
      : {out.of(rows.shape[0], columns.shape[1])} into {out}
{total(out)}  }}""",
            flags=self.flags if value == "tiled" else (),
        )


def _channels_first(convolution: Convolution) -> bool:
    return convolution.image_order == "nchw"


KIND = Pointwise()

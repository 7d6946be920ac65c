# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of few input channels, as of a colour image, as sums of shifted images.

One for each channel and element of the window: there is no loop left that is reduced, and none that is too short for a
vector.

Source: with AVX-512 and one thread, 16 channels of 320x320 from 3 with 3x3 elements and stride 2 took 4.4 ms instead of
8.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.shifted import can_be_shifted, slices, weighted_sum
from tuner.op_choices.tensors import floats

# Products of an output element: with more there would be too many operands.
_MOST_PRODUCTS = 32


@dataclass(frozen=True, slots=True)
class FewChannels:
    """Those in the order batch, channels, rows, columns, of one batch."""

    # Below 0: in a text-detection model, which pads its image before, it cost a seventh of the time of the whole.
    priority: int = -3
    flags: tuple[str, ...] = ()

    def values(self, op: InputOp) -> Sequence[str]:
        tensors = floats(op.operands)
        if op.name != "linalg.conv_2d_nchw_fchw" or not tensors or op.spread:
            return ()
        image, weights, _ = tensors
        _, channels, rows, columns = weights.shape
        fits = can_be_shifted(image, op.strides, op.dilations) and rows * columns > 1
        return ("slices",) if fits and channels * rows * columns <= _MOST_PRODUCTS else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del value
        image, weights, out = floats(op.operands)
        out_channels, channels, window_rows, window_columns = weights.shape
        window = [(row, column) for row in range(window_rows) for column in range(window_columns)]
        shifted = out.of(1, channels, *out.shape[2:])
        lines, _ = slices(image, shifted, (op.strides[0], op.strides[1]), window, "shifted")
        plane, weight = out.of(*out.shape[2:]), weights.of(out_channels)
        number = 0
        for place, (row, column) in enumerate(window):
            for channel in range(channels):
                lines += [
                    f"%slice{number} = tensor.extract_slice %shifted{place}[0, {channel}, 0, 0]"
                    f" [1, 1, {plane.shape[0]}, {plane.shape[1]}] [1, 1, 1, 1] : {shifted} to {plane}",
                    f"%weight{number} = tensor.extract_slice %weights[0, {channel}, {row}, {column}]"
                    f" [{out_channels}, 1, 1, 1] [1, 1, 1, 1] : {weights} to {weight}",
                ]
                number += 1
        steps = "".join(f"    {line}\n" for line in lines)
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %held: {out}) -> {out} {{
{steps}{weighted_sum([str(plane)] * number, "h, w", [str(weight)] * number, "k", out, "n, k, h, w")}  }}"""
        )


KIND = FewChannels()

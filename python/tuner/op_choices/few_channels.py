# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of few input channels, as of a colour image, as sums of shifted images.

One for each channel and element of the window: there is no loop left that is reduced, and none that is too short for a
vector.

Source: with AVX-512 and one thread, 16 channels of 320x320 from 3 with 3x3 elements and stride 2 took 4.4 ms instead of
8.5. With the channels last, 20 from 1 of 82x82 with 3x3 elements took 0.07 ms instead of 0.85, 10 from 1 of 160x160
with 5x5 elements 0.21 instead of 2.8; from 2 or 3 channels they took 0.8 to 1.8 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.convolution import Convolution, part
from tuner.op_choices.shifted import can_be_shifted, slices, weighted_sum

# Products of an output element: with more there would be too many operands.
_MOST_PRODUCTS = 32


@dataclass(frozen=True, slots=True)
class FewChannels:
    """Those of one batch, with the channels in the second place or in the last."""

    # Below 0: in a text-detection model, which pads its image before, it cost a seventh of the time of the whole.
    targets: tuple[str, ...] = ("cpu",)
    priority: int = -3
    flags: tuple[str, ...] = ()

    def values(self, op: InputOp) -> Sequence[str]:
        found = Convolution.of(op)
        if found is None or found.is_depthwise or op.spread or not can_be_shifted(found):
            return ()
        count = len(found.elements)
        return ("slices",) if count > 1 and found.channels * count <= _MOST_PRODUCTS else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del value
        found = Convolution.of(op)
        assert found is not None, "values() took it"
        image, weights, out = found.image, found.weights, found.out
        lines, shifted = slices(found, "shifted")
        rows, columns = found.outputs
        plane, weight = out.of(rows, columns), weights.of(found.filters)
        number = 0
        for place, (row, column) in enumerate(found.elements):
            for channel in range(found.channels):
                of_image = part(found.image_order, {"c": channel}, {"h": rows, "w": columns})
                of_weights = part(found.weights_order, {"c": channel, "h": row, "w": column}, {"f": found.filters})
                lines += [
                    f"%slice{number} = tensor.extract_slice %shifted{place}{of_image} : {shifted} to {plane}",
                    f"%weight{number} = tensor.extract_slice %weights{of_weights} : {weights} to {weight}",
                ]
                number += 1
        steps = "".join(f"    {line}\n" for line in lines)
        total = weighted_sum([str(plane)] * number, "h, w", [str(weight)] * number, "f", out, found.loops)
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %held: {out}) -> {out} {{
{steps}{total}  }}"""
        )


KIND = FewChannels()

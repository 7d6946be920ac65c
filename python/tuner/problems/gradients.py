# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The gradients of a convolution: that of its image is another convolution, that of its filter a generic op.

Their operands are as a convolution reads them. The forward one's image holds its padding; so does the gradient of the
output for the image's: spread by the stride, with zeros between and around, and with the filter flipped and transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.problems.ops import SUMS, Convolution, onto_zeros, tensor


def image_gradient(forward: Convolution, padding: tuple[int, int]) -> Convolution:
    """The convolution of the output's gradient with the flipped filter, which makes that of the image.

    `padding` is what `forward` has on either side of its rows and of its columns; the gradient is without it.
    """
    sizes = zip((forward.height, forward.width), padding, forward.window, forward.dilation, strict=True)
    height, width = (size - 2 * pad + (window - 1) * step for size, pad, window, step in sizes)
    return replace(
        forward,
        height=height,
        width=width,
        input_channels=forward.output_channels,
        output_channels=forward.input_channels,
        stride=(1, 1),
    )


@dataclass(frozen=True, slots=True)
class FilterGradient:
    """The gradient of `forward`'s filter, of its image and of its output's gradient.

    It is a convolution too: its window is the output, its images are the filter's, and it sums over the batch.
    """

    forward: Convolution

    @property
    def inputs(self) -> tuple[str, ...]:
        image, _, output = self.forward.shapes
        sizes = dict(zip(self.forward.places[2], output, strict=True))
        read = (sizes[loop] for loop in self._output_place)
        return tensor(self.forward.element_type, *image), tensor(self.forward.element_type, *read)

    @property
    def output(self) -> str:
        _, window, _ = self.forward.shapes
        return tensor(SUMS[self.forward.element_type], *window)

    def lines(self, arguments: Sequence[str], result: str) -> str:
        image, window, _ = self.forward.places
        (down, across), (row, column) = self.forward.stride, self.forward.dilation
        read = {"h": f"h * {down} + y * {row}", "w": f"w * {across} + x * {column}"}
        summed = ("n", "h", "w")
        loops = ", ".join((*window, *summed))
        places = ([read.get(loop, loop) for loop in image], self._output_place, window)
        maps = ", ".join(f"affine_map<({loops}) -> ({', '.join(place)})>" for place in places)
        kinds = ", ".join(f'"{kind}"' for kind in ("parallel",) * len(window) + ("reduction",) * len(summed))
        op = f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}"
        return onto_zeros(op, self, arguments, result, body=_products(self.forward.element_type))

    @property
    def _output_place(self) -> tuple[str, ...]:
        """The loops along the output's gradient. The summed ones are side by side, else no instruction serves."""
        summed = ("n", "h", "w")
        if self.forward.layout != "nchw_fchw":
            return self.forward.places[2]
        return (*(loop for loop in self.forward.places[2] if loop not in summed), *summed)


def _products(element_type: str) -> str:
    """The region of an op that sums products of this type."""
    sums = SUMS[element_type]
    kind, widen = ("i", "extsi") if sums.startswith("i") else ("f", "extf")
    lines = [f"^bb0(%left: {element_type}, %right: {element_type}, %sum: {sums}):"]
    left, right = "%left", "%right"
    if element_type != sums:
        lines += [f"  %wide_{side} = arith.{widen} %{side} : {element_type} to {sums}" for side in ("left", "right")]
        left, right = "%wide_left", "%wide_right"
    lines += [
        f"  %product = arith.mul{kind} {left}, {right} : {sums}",
        f"  %more = arith.add{kind} %sum, %product : {sums}",
        f"  linalg.yield %more : {sums}",
    ]
    return "".join(f"\n    {line}" for line in lines)

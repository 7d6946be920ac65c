# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two-dimensional convolutions in any order of their dimensions: text of MLIR that kinds of choices share.

An order is a word of letters, one for each dimension: n the batch, c the channels of the image, f those of the output,
h and w the rows and columns, of an image or of a window.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuner.op_choices import InputOp
from tuner.op_choices.tensors import Tensor, floats

_NAME = re.compile(r"linalg\.(depthwise_)?conv_2d_(nchw|nhwc)_([fchw]+)")


@dataclass(frozen=True, slots=True)
class Convolution:
    """A named convolution: its tensors, the orders of image and weights, and its steps down and right.

    In a depthwise one each channel is convolved by itself. The order of the output is the image's, f in the place of c
    unless it is depthwise.
    """

    image: Tensor
    weights: Tensor
    out: Tensor
    image_order: str
    weights_order: str
    strides: tuple[int, int]
    dilations: tuple[int, ...]
    is_depthwise: bool

    @staticmethod
    def of(op: InputOp) -> Convolution | None:
        """The convolution that an op is; None for other ops, and for other numbers than floating-point ones."""
        named, tensors = _NAME.fullmatch(op.name), floats(op.operands)
        if named is None or not tensors:
            return None
        image, weights, out = tensors
        strides = op.strides[0], op.strides[1]
        return Convolution(image, weights, out, named[2], named[3], strides, op.dilations, bool(named[1]))

    @property
    def batch(self) -> int:
        """The number of images."""
        return self._image["n"]

    @property
    def channels(self) -> int:
        """The channels of the image."""
        return self._image["c"]

    @property
    def filters(self) -> int:
        """The channels of the output."""
        return self._weights["c" if self.is_depthwise else "f"]

    @property
    def pixels(self) -> tuple[int, int]:
        """The rows and columns of the image."""
        return self._image["h"], self._image["w"]

    @property
    def window(self) -> tuple[int, int]:
        """The rows and columns of the window."""
        return self._weights["h"], self._weights["w"]

    @property
    def outputs(self) -> tuple[int, int]:
        """The rows and columns of the output."""
        sizes = dict(zip(self.image_order, self.out.shape, strict=True))
        return sizes["h"], sizes["w"]

    @property
    def elements(self) -> list[tuple[int, int]]:
        """The places in the window, row by row."""
        rows, columns = self.window
        return [(row, column) for row in range(rows) for column in range(columns)]

    @property
    def loops(self) -> str:
        """The dimensions of the output as loops."""
        return ", ".join(self.image_order if self.is_depthwise else self.image_order.replace("c", "f"))

    @property
    def _image(self) -> dict[str, int]:
        return dict(zip(self.image_order, self.image.shape, strict=True))

    @property
    def _weights(self) -> dict[str, int]:
        return dict(zip(self.weights_order, self.weights.shape, strict=True))


def part(order: str, at: Mapping[str, int], sizes: Mapping[str, int], steps: Mapping[str, int] | None = None) -> str:
    """Offsets, sizes and strides of a slice. A dimension that is not named is cut at 0, to a size and by steps of 1."""
    lists = (at, 0), (sizes, 1), (steps or {}, 1)
    return " ".join(f"[{', '.join(str(given.get(letter, usual)) for letter in order)}]" for given, usual in lists)

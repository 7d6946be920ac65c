# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of one op that something may be chosen for, as text."""

from __future__ import annotations

import samples


def convolution(
    image: tuple[int, ...],
    weights: tuple[int, ...],
    *,
    strides: tuple[int, int] = (1, 1),
    name: str = "conv_2d_nchw_fchw",
    first: str = "%x",
    before: str = "",
) -> str:
    """A convolution in the order batch, channels, rows, columns, onto an output that holds something already.

    `before`: lines that make `first`, of the type of the image, of `%x`.
    """
    down, right = strides
    height, width = (image[2] - weights[-2]) // down + 1, (image[3] - weights[-1]) // right + 1
    x, w, y = _tensor(*image), _tensor(*weights), _tensor(image[0], weights[0], height, width)
    argument = x if not before else _tensor(*spread_from(image))
    return f"""
func.func @convolution(%x: {argument}, %w: {w}, %y: {y}) -> {y} {{
{before}
  %c = linalg.{name} {{dilations = dense<1> : vector<2xi64>, strides = dense<[{down}, {right}]> : vector<2xi64>}}
    ins({first}, %w : {x}, {w}) outs(%y : {y}) -> {y}
  return %c : {y}
}}
"""


def channels_last(
    image: tuple[int, ...],
    filters: int,
    window: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    order: str = "hwcf",
) -> str:
    """A convolution of an image [batch, rows, columns, channels]; the order `hwc` takes each channel by itself."""
    down, right = strides
    batch, height, width, channels = image
    sizes = {"h": window[0], "w": window[1], "c": channels, "f": filters}
    name = f"{'depthwise_' if order == 'hwc' else ''}conv_2d_nhwc_{order}"
    x, w = _tensor(*image), _tensor(*(sizes[letter] for letter in order))
    y = _tensor(batch, (height - window[0]) // down + 1, (width - window[1]) // right + 1, filters)
    return f"""
func.func @convolution(%x: {x}, %w: {w}, %y: {y}) -> {y} {{
  %c = linalg.{name} {{dilations = dense<1> : vector<2xi64>, strides = dense<[{down}, {right}]> : vector<2xi64>}}
    ins(%x, %w : {x}, {w}) outs(%y : {y}) -> {y}
  return %c : {y}
}}
"""


def spread_from(image: tuple[int, ...]) -> tuple[int, ...]:
    """The image whose elements stand at every second place of `image`, behind a row and a column of zeros."""
    batch, channels, height, width = image
    return batch, channels, (height - 1) // 2, (width - 1) // 2


def transposed_convolution(channels: int, out_channels: int, height: int, width: int) -> str:
    """A transposed convolution of 2x2 elements with stride 2, as it is imported."""
    image = (1, channels, 2 * height + 1, 2 * width + 1)
    small, large = _tensor(1, channels, height, width), _tensor(*image)
    before = f"""\
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {large}
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : {large}) -> {large}
  %spread = tensor.insert_slice %x into %zeros[0, 0, 1, 1] [1, {channels}, {height}, {width}] [1, 1, 2, 2]
    : {small} into {large}"""
    return convolution(image, (out_channels, channels, 2, 2), first="%spread", before=before)


def depthwise(image: tuple[int, ...], weights: tuple[int, ...], strides: tuple[int, int]) -> str:
    """A convolution of each channel by itself."""
    return convolution(image, weights, strides=strides, name="depthwise_conv_2d_nchw_chw")


def _tensor(*shape: int) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


# For each kind of choice and value a model with one op that it suits.
SUITED = {
    ("data-tiling", "on"): samples.matmul(24, 40, 56),
    ("split-reduction", "512"): samples.matmul(8, 8, 2048),
    ("split-reduction", "128"): samples.matmul(8, 8, 2048),
    ("pointwise", "tiled"): convolution((1, 24, 6, 10), (20, 24, 1, 1)),
    ("pointwise", "product"): convolution((1, 24, 6, 10), (20, 24, 1, 1)),
    ("transposed-convolution", "tiled"): transposed_convolution(12, 5, 6, 7),
    ("transposed-convolution", "product"): transposed_convolution(12, 5, 6, 7),
    ("depthwise", "slices"): depthwise((1, 6, 9, 11), (6, 3, 3), (1, 1)),
    ("few-channels", "slices"): convolution((1, 3, 8, 12), (6, 3, 3, 3), strides=(2, 2)),
    ("patches", "tiled"): convolution((1, 3, 9, 12), (6, 3, 3, 2), strides=(2, 2)),
    ("patches", "product"): convolution((1, 12, 9, 12), (6, 12, 3, 3), strides=(1, 2)),
    ("winograd", "on"): convolution((1, 16, 14, 14), (16, 16, 3, 3)),
}
# Further forms: windows of one row or column, and convolutions whose channels come last.
FURTHER = [
    ("patches", "tiled", convolution((1, 24, 1, 14), (10, 24, 1, 3))),
    ("patches", "product", convolution((1, 12, 11, 6), (10, 12, 5, 1))),
    ("pointwise", "tiled", channels_last((1, 6, 10, 24), 20, (1, 1))),
    ("few-channels", "slices", channels_last((1, 8, 13, 3), 6, (3, 3), strides=(2, 2))),
    ("few-channels", "slices", channels_last((1, 8, 12, 3), 6, (2, 3), order="fhwc")),
]

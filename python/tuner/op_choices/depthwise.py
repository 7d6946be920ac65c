# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Depthwise convolutions as sums of shifted images, one for each element of the window.

The compiler vectorizes the channels, which are far apart in memory in this order. The sum is elementwise: whole vectors
of neighbouring columns are read. Columns at a distance of two are first put beside each other.

Source: with AVX-512 and one thread, 48 channels of 160x160 with 3x3 elements took 1.6 ms instead of 10.1, 192 channels
of 40x40 with 5x5 elements 0.30 instead of 3.6, 32 channels of 160x160 with stride 2 3.1 instead of 14.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.tensors import Tensor, floats

# Elements of a window: with more there would be too many operands.
_MOST_ELEMENTS = 25


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Those in the order batch, channels, rows, columns, of one batch."""

    priority: int = 30
    flags: tuple[str, ...] = ()

    def values(self, op: InputOp) -> Sequence[str]:
        tensors = floats(op.operands)
        if op.name != "linalg.depthwise_conv_2d_nchw_chw" or not tensors or set(op.dilations) != {1}:
            return ()
        image, weights, _ = tensors
        _, rows, columns = weights.shape
        # An odd number of columns cannot be split into those of even and those of odd place.
        fits = op.strides[1] == 1 or (op.strides[1] == 2 and image.shape[3] % 2 == 0)
        return ("slices",) if fits and image.shape[0] == 1 and rows * columns <= _MOST_ELEMENTS else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del value
        image, weights, out = floats(op.operands)
        channels, window_rows, window_columns = weights.shape
        window = [(row, column) for row in range(window_rows) for column in range(window_columns)]
        lines, slices = _slices(image, out, (op.strides[0], op.strides[1]), window)
        weight = weights.of(channels)
        for number, (row, column) in enumerate(window):
            lines.append(
                f"%weight{number} = tensor.extract_slice %weights[0, {row}, {column}] [{channels}, 1, 1] [1, 1, 1]"
                f" : {weights} to {weight}"
            )
        numbers = range(len(window))
        operands = ", ".join([*(f"%slice{n}" for n in numbers), *(f"%weight{n}" for n in numbers), "%held"])
        types = ", ".join([*slices, *[str(weight)] * len(window), str(out)])
        whole, by_channel = "affine_map<(n, c, h, w) -> (n, c, h, w)>", "affine_map<(n, c, h, w) -> (c)>"
        maps = ", ".join([whole] * len(window) + [by_channel] * len(window) + [whole] * 2)
        element = out.element
        arguments = ", ".join(
            f"%{name}: {element}"
            for name in (*(f"a{n}" for n in numbers), *(f"b{n}" for n in numbers), "sum0", "unused")
        )
        sums = "".join(
            f"      %product{n} = arith.mulf %a{n}, %b{n} : {element}\n"
            f"      %sum{n + 1} = arith.addf %sum{n}, %product{n} : {element}\n"
            for n in numbers
        )
        steps = "".join(f"    {line}\n" for line in lines)
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %held: {out}) -> {out} {{
{steps}\
    %empty = tensor.empty() : {out}
    %result = linalg.generic {{indexing_maps = [{maps}],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}}
      ins({operands} : {types}) outs(%empty : {out}) {{
    ^bb0({arguments}):
{sums}      linalg.yield %sum{len(window)} : {element}
    }} -> {out}
    util.return %result : {out}
  }}"""
        )


def _slices(
    image: Tensor, out: Tensor, strides: tuple[int, int], window: Sequence[tuple[int, int]]
) -> tuple[list[str], list[str]]:
    """Lines that make `%slice0`, `%slice1` …, and their types. Columns are beside each other in each."""
    _, channels, height, width = image.shape
    down, right = strides
    lines, source, shape = [], "%image", image
    if right == 2:
        pairs, split = image.of(channels, height, width // 2, 2), image.of(2, channels, height, width // 2)
        of_batch = image.of(1, *pairs.shape)
        shape, source = split, "%split"
        lines = [
            "%pairs = tensor.expand_shape %image [[0], [1], [2], [3, 4]]"
            f" output_shape [{', '.join(map(str, of_batch.shape))}] : {image} into {of_batch}",
            f"%apart = tensor.collapse_shape %pairs [[0, 1], [2], [3], [4]] : {of_batch} into {pairs}",
            f"%split_empty = tensor.empty() : {split}",
            f"%split = linalg.transpose ins(%apart : {pairs}) outs(%split_empty : {split}) permutation = [3, 0, 1, 2]",
        ]
    for number, (row, column) in enumerate(window):
        first = column % right if right == 2 else 0
        lines.append(
            f"%slice{number} = tensor.extract_slice {source}[{first}, 0, {row}, {column // right}]"
            f" [1, {channels}, {out.shape[2]}, {out.shape[3]}] [1, 1, {down}, 1] : {shape} to {out}"
        )
    return lines, [str(out)] * len(window)


KIND = Depthwise()

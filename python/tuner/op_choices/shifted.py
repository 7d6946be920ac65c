# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions as sums of shifted images, one for each element of the window: text of MLIR.

The sum is elementwise: whole vectors of what is last in the image's order are read. If these are columns, those at a
distance of two are first put beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.op_choices.convolution import Convolution, part
from tuner.op_choices.tensors import Tensor


def can_be_shifted(convolution: Convolution) -> bool:
    """Whether there is such a sum, for one batch. An odd number of columns cannot be split into two halves."""
    right = convolution.strides[1]
    fits = right == 1 or not _columns_last(convolution) or (right == 2 and convolution.pixels[1] % 2 == 0)
    return fits and convolution.batch == 1 and set(convolution.dilations) == {1}


def slices(convolution: Convolution, name: str) -> tuple[list[str], Tensor]:
    """Lines that make `%name0`, `%name1` … of `%image`, one for each element of the window, and the type of all."""
    image, order = convolution.image, convolution.image_order
    channels, (height, width), (down, right) = convolution.channels, convolution.pixels, convolution.strides
    rows, columns = convolution.outputs
    lines, source, shape = [], "%image", image
    is_split = right == 2 and _columns_last(convolution)
    if is_split:
        pairs, split = image.of(channels, height, width // 2, 2), image.of(2, channels, height, width // 2)
        of_batch = image.of(1, *pairs.shape)
        shape, source, right = split, "%split", 1
        lines = [
            "%pairs = tensor.expand_shape %image [[0], [1], [2], [3, 4]]"
            f" output_shape [{', '.join(map(str, of_batch.shape))}] : {image} into {of_batch}",
            f"%apart = tensor.collapse_shape %pairs [[0, 1], [2], [3], [4]] : {of_batch} into {pairs}",
            f"%split_empty = tensor.empty() : {split}",
            f"%split = linalg.transpose ins(%apart : {pairs}) outs(%split_empty : {split}) permutation = [3, 0, 1, 2]",
        ]
    sizes = {"n": 1, "c": channels, "h": rows, "w": columns}
    shifted = image.of(*(sizes[letter] for letter in order))
    for number, (row, column) in enumerate(convolution.elements):
        # What was split has its halves in the place of the batch.
        at = {"n": column % 2, "w": column // 2} if is_split else {"w": column}
        cut = part(order, {**at, "h": row}, sizes, {"h": down, "w": right})
        lines.append(f"%{name}{number} = tensor.extract_slice {source}{cut} : {shape} to {shifted}")
    return lines, shifted


def _columns_last(convolution: Convolution) -> bool:
    return convolution.image_order.endswith("w")


def weighted_sum(
    slices: Sequence[str], slice_map: str, weights: Sequence[str], weight_map: str, out: Tensor, loops: str
) -> str:
    """Lines that add the products of `%slice0`, `%slice1` … with `%weight0`, `%weight1` … to `%held`, and return it.

    The types of both are given, and the dimensions of each in the loops; those of the output are all `loops`.
    """
    numbers, element = range(len(slices)), out.element
    operands = ", ".join([*(f"%slice{n}" for n in numbers), *(f"%weight{n}" for n in numbers), "%held"])
    types = ", ".join([*slices, *weights, str(out)])
    maps = [f"affine_map<({loops}) -> ({dims})>" for dims in (slice_map, weight_map, loops)]
    listed = ", ".join([maps[0]] * len(slices) + [maps[1]] * len(weights) + [maps[2]] * 2)
    iterators = ", ".join(['"parallel"'] * len(out.shape))
    arguments = ", ".join(
        f"%{name}: {element}" for name in (*(f"a{n}" for n in numbers), *(f"b{n}" for n in numbers), "sum0", "unused")
    )
    sums = "".join(
        f"      %product{n} = arith.mulf %a{n}, %b{n} : {element}\n"
        f"      %sum{n + 1} = arith.addf %sum{n}, %product{n} : {element}\n"
        for n in numbers
    )
    return f"""\
    %empty = tensor.empty() : {out}
    %result = linalg.generic {{indexing_maps = [{listed}],
      iterator_types = [{iterators}]}}
      ins({operands} : {types}) outs(%empty : {out}) {{
    ^bb0({arguments}):
{sums}      linalg.yield %sum{len(slices)} : {element}
    }} -> {out}
    util.return %result : {out}
"""

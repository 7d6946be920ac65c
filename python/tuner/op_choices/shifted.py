# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions as sums of shifted images, one for each element of the window: text of MLIR.

The sum is elementwise: whole vectors of neighbouring columns are read. Columns at a distance of two are first put
beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.op_choices.tensors import Tensor


def can_be_shifted(image: Tensor, strides: Sequence[int], dilations: Sequence[int]) -> bool:
    """Whether there is such a sum, for one batch. An odd number of columns cannot be split into two halves."""
    fits = strides[1] == 1 or (strides[1] == 2 and image.shape[3] % 2 == 0)
    return fits and image.shape[0] == 1 and set(dilations) == {1}


def slices(
    image: Tensor, out: Tensor, strides: tuple[int, int], window: Sequence[tuple[int, int]], name: str = "slice"
) -> tuple[list[str], list[str]]:
    """Lines that make `%slice0`, `%slice1` … of `%image`, all of the type `out`, and their types."""
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
            f"%{name}{number} = tensor.extract_slice {source}[{first}, 0, {row}, {column // right}]"
            f" [1, {channels}, {out.shape[2]}, {out.shape[3]}] [1, 1, {down}, 1] : {shape} to {out}"
        )
    return lines, [str(out)] * len(window)


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

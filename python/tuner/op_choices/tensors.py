# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text of MLIR that functions of kinds of choices share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# The mark by which a product is data-tiled if `TILING` is given.
TILED_MARK, TILING = "iree.opt.data_tiling", "--iree-opt-data-tiling"
# Types that have a zero and a sum.
_FLOATS = ("f16", "bf16", "f32", "f64")
_TYPE = re.compile(r"tensor<((?:\d+x)*)([\w]+)>")


@dataclass(frozen=True, slots=True)
class Tensor:
    """The type of a tensor of static shape."""

    shape: tuple[int, ...]
    element: str

    @staticmethod
    def parse(text: str) -> Tensor | None:
        """The type that MLIR prints so; None for other types, and for tensors with an encoding."""
        found = _TYPE.fullmatch(text)
        return None if found is None else Tensor(tuple(int(size) for size in found[1].split("x")[:-1]), found[2])

    def __str__(self) -> str:
        return f"tensor<{''.join(f'{size}x' for size in self.shape)}{self.element}>"

    def of(self, *shape: int) -> Tensor:
        """A tensor of the same elements."""
        return Tensor(shape, self.element)


def floats(operands: Sequence[str]) -> tuple[Tensor, ...]:
    """The types of operands that are all tensors of the same type of floating-point numbers; () for others."""
    found = [tensor for text in operands if (tensor := Tensor.parse(text)) is not None and tensor.element in _FLOATS]
    return tuple(found) if len(found) == len(operands) and len({tensor.element for tensor in found}) == 1 else ()


def product(rows: Tensor, columns: Tensor, *, is_tiled: bool) -> str:
    """Lines that multiply `%rows` [m, k] by `%columns` [k, n] into `%product` [m, n]."""
    out = rows.of(rows.shape[0], columns.shape[1])
    mark = f" {{{TILED_MARK}}}" if is_tiled else ""
    return f"""\
    %zero = arith.constant 0.0 : {rows.element}
    %product_empty = tensor.empty() : {out}
    %product_zero = linalg.fill ins(%zero : {rows.element}) outs(%product_empty : {out}) -> {out}
    %product = linalg.matmul{mark} ins(%rows, %columns : {rows}, {columns}) outs(%product_zero : {out}) -> {out}
"""


def total(tensor: Tensor) -> str:
    """Lines that add `%first` and `%second` and return the sum."""
    rank = len(tensor.shape)
    dims = ", ".join(f"d{index}" for index in range(rank))
    maps = ", ".join([f"affine_map<({dims}) -> ({dims})>"] * 3)
    loops = ", ".join(['"parallel"'] * rank)
    return f"""\
    %total_empty = tensor.empty() : {tensor}
    %total = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{loops}]}}
      ins(%first, %second : {tensor}, {tensor}) outs(%total_empty : {tensor}) {{
    ^bb0(%one: {tensor.element}, %other: {tensor.element}, %out: {tensor.element}):
      %sum = arith.addf %one, %other : {tensor.element}
      linalg.yield %sum : {tensor.element}
    }} -> {tensor}
    util.return %total : {tensor}
"""

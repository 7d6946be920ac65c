# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Single ops as MLIR: products, convolutions, attention, by their sizes and types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# The type that products are summed in, by the type of the operands.
SUMS = {
    **dict.fromkeys(("f16", "bf16", "f32", "f8E4M3FN", "f8E5M2", "f8E4M3FNUZ", "f8E5M2FNUZ"), "f32"),
    "f64": "f64",
    "i8": "i32",
}


class Op(Protocol):
    """One op on arguments of its own. Types are MLIR's, such as `tensor<64x32xf16>`."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The types of its arguments."""

    @property
    def output(self) -> str:
        """The type of its result."""

    def lines(self, arguments: Sequence[str], result: str) -> str:
        """Lines of a function that make `result` of the arguments. Other names in them start with `result`."""


@dataclass(frozen=True, slots=True)
class Matmul:
    """`batch` products of a left operand [m, k] and a right one [k, n]; `batch` None: one product, without that loop.

    `transposed`: the right operand is [n, k].
    """

    m: int
    n: int
    k: int
    element_type: str
    batch: int | None = None
    transposed: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        right = (self.n, self.k) if self.transposed else (self.k, self.n)
        return self._tensor(self.element_type, self.m, self.k), self._tensor(self.element_type, *right)

    @property
    def output(self) -> str:
        return self._tensor(SUMS[self.element_type], self.m, self.n)

    def lines(self, arguments: Sequence[str], result: str) -> str:
        lead = [] if self.batch is None else ["b"]
        loops = ", ".join((*lead, "m", "n", "k"))
        places = (("m", "k"), ("n", "k") if self.transposed else ("k", "n"), ("m", "n"))
        maps = ", ".join(f"affine_map<({loops}) -> ({', '.join((*lead, *place))})>" for place in places)
        name = "matmul" if self.batch is None else "batch_matmul"
        return onto_zeros(f"linalg.{name} indexing_maps = [{maps}]", self, arguments, result)

    def _tensor(self, element_type: str, *sizes: int) -> str:
        return tensor(element_type, *(() if self.batch is None else (self.batch,)), *sizes)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of `batch` images [height, width], which hold their padding already, in one of `LAYOUTS`.

    With groups, each makes a part of the output channels of a part of the input channels.
    """

    batch: int
    height: int
    width: int
    input_channels: int
    output_channels: int
    window: tuple[int, int]
    element_type: str
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    layout: str = "nhwc_hwcf"

    @property
    def inputs(self) -> tuple[str, ...]:
        image, window, _ = self.shapes
        return tensor(self.element_type, *image), tensor(self.element_type, *window)

    @property
    def output(self) -> str:
        return tensor(SUMS[self.element_type], *self.shapes[2])

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """The sizes of the image, the filter and the output, in the order of `places`."""
        rows, columns = self.image
        sizes = {"n": self.batch, "h": self.height, "w": self.width, "g": self.groups}
        sizes |= {"c": self.input_channels // self.groups, "f": self.output_channels // self.groups}
        sizes |= dict(zip("yx", self.window, strict=True))
        image, window, output = self.places
        made = {**sizes, "h": rows, "w": columns}
        return (
            tuple(sizes[loop] for loop in image),
            tuple(sizes[loop] for loop in window),
            tuple(made[loop] for loop in output),
        )

    @property
    def places(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The loops along the image, the filter and the output.

        They are images (n), rows (h), columns (w), the window's (y, x), channels (c), output channels (f), groups (g).
        """
        lead = ("g",) if self.groups > 1 else ()
        if self.layout == "nchw_fchw":
            return ("n", *lead, "c", "h", "w"), (*lead, "f", "c", "y", "x"), ("n", *lead, "f", "h", "w")
        is_output_first = self.layout == "nhwc_fhwc" or self.groups > 1
        window = (*lead, "f", "y", "x", "c") if is_output_first else ("y", "x", "c", "f")
        return ("n", "h", "w", *lead, "c"), window, ("n", "h", "w", *lead, "f")

    @property
    def image(self) -> tuple[int, int]:
        """The output's rows and columns."""
        rows, columns = (
            (size - (window - 1) * dilation - 1) // stride + 1
            for size, window, dilation, stride in zip(
                (self.height, self.width), self.window, self.dilation, self.stride, strict=True
            )
        )
        return rows, columns

    def lines(self, arguments: Sequence[str], result: str) -> str:
        name = (_GROUPED if self.groups > 1 else LAYOUTS)[self.layout]
        numbers = (
            f"{what} = dense<[{values[0]}, {values[1]}]> : vector<2xi64>"
            for what, values in (("dilations", self.dilation), ("strides", self.stride))
        )
        return onto_zeros(f"linalg.{name} {{{', '.join(numbers)}}}", self, arguments, result)


# linalg's ops by the layouts of image and filter: images, rows, columns, channels; output channels are f.
LAYOUTS = {
    "nhwc_hwcf": "conv_2d_nhwc_hwcf",
    "nhwc_fhwc": "conv_2d_nhwc_fhwc",
    "nchw_fchw": "conv_2d_nchw_fchw",
}
_GROUPED = {
    **dict.fromkeys(("nhwc_hwcf", "nhwc_fhwc"), "conv_2d_nhwgc_gfhwc"),
    "nchw_fchw": "conv_2d_ngchw_gfchw",
}


@dataclass(frozen=True, slots=True)
class Attention:
    """`batch` attentions of [queries, features] over [keys, features] and [keys, values], with a constant scale.

    `masked`: a mask [queries, keys] is added to the scores.
    """

    batch: int
    queries: int
    keys: int
    features: int
    values: int
    element_type: str
    masked: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        sizes = ((self.queries, self.features), (self.keys, self.features), (self.keys, self.values))
        operands = tuple(tensor(self.element_type, self.batch, *size) for size in sizes)
        return (*operands, *((tensor(self.element_type, self.queries, self.keys),) if self.masked else ()))

    @property
    def output(self) -> str:
        return tensor(self.element_type, self.batch, self.queries, self.values)

    def lines(self, arguments: Sequence[str], result: str) -> str:
        places = ("b, m, f", "b, k, f", "b, k, n", "", *(("m, k",) if self.masked else ()), "b, m, n")
        maps = ", ".join(f"affine_map<(b, m, n, f, k) -> ({place})>" for place in places)
        query, key, value, *mask = zip(arguments, self.inputs, strict=True)
        operands = (query, key, value, (f"{result}_scale", self.element_type), *mask)
        names, types = (", ".join(part) for part in zip(*operands, strict=True))
        return f"""\
  {result}_scale = arith.constant 0.125 : {self.element_type}
  {result}_empty = tensor.empty() : {self.output}
  {result} = iree_linalg_ext.attention <{{indexing_maps = [{maps}]}}>
    ins({names} : {types}) outs({result}_empty : {self.output}) {{
  ^bb0(%score: f32):
    iree_linalg_ext.yield %score : f32
  }} -> {self.output}
"""


def tensor(element_type: str, *sizes: int) -> str:
    """The type of a tensor."""
    return f"tensor<{'x'.join(map(str, sizes))}x{element_type}>"


def onto_zeros(op: str, of: Op, arguments: Sequence[str], result: str, *, body: str = "") -> str:
    """Lines that sum an op's products onto zeros; `body` is the region of an op that is not named after one."""
    sums = of.output.rpartition("x")[2].rstrip(">")
    region = f" {{{body}\n  }}" if body else ""
    zero = "0" if sums.startswith("i") else "0.0"
    return f"""\
  {result}_zero = arith.constant {zero} : {sums}
  {result}_empty = tensor.empty() : {of.output}
  {result}_filled = linalg.fill ins({result}_zero : {sums}) outs({result}_empty : {of.output}) -> {of.output}
  {result} = {op}
    ins({", ".join(arguments)} : {", ".join(of.inputs)}) outs({result}_filled : {of.output}){region} -> {of.output}
"""

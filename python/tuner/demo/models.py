# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models of the demo: a matrix-vector product, and a probe that reads as much memory in one stream."""

from __future__ import annotations

# The side of the demo's matrix. In f32 that is 64 MiB, more than most caches hold.
SIZE = 4096
_F32_BYTES = 4
# The functions of the two models.
PRODUCT, PROBE = "matvec", "read"
# The probe sums 32 successive groups of 16 numbers. That reads memory strictly in order, writes a 32nd of it, and the
# code that the compiler makes of it by default is bound by the memory: twice as fast as a plain sum of rows.
_GROUPS, _LANES = 32, 16


def product(size: int) -> str:
    """The model y = x * B in MLIR: one row of `size` numbers times a matrix of `size` x `size`."""
    row, matrix = f"tensor<1x{size}xf32>", f"tensor<{size}x{size}xf32>"
    return f"""\
// y = x * B in f32: one row times {size} x {size}, bound by memory.
func.func @{PRODUCT}(%x: {row}, %b: {matrix}) -> {row} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {row}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {row}) -> {row}
  %y = linalg.matmul ins(%x, %b : {row}, {matrix})
                     outs(%init : {row}) -> {row}
  return %y : {row}
}}
"""


def product_inputs(size: int) -> tuple[str, ...]:
    """The inputs of the product for IREE's tools. Every number is set, so that memory is read."""
    return (f"1x{size}xf32=0.5", f"{size}x{size}xf32=0.5")


def product_bytes(size: int) -> int:
    """The bytes of the matrix, which a run reads once. Beside them the vectors are nothing."""
    return size * size * _F32_BYTES


def probe(size: int) -> str:
    """A model in MLIR that reads about as many bytes as a matrix of `size` x `size` has, and hardly computes."""
    blocks = _blocks(size)
    sums = f"tensor<{blocks}x{_LANES}xf32>"
    numbers = f"tensor<{blocks}x{_GROUPS}x{_LANES}xf32>"
    return f"""\
// Reads memory in order: sums groups of {_GROUPS} x {_LANES} numbers.
func.func @{PROBE}(%a: {numbers}) -> {sums} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {sums}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {sums}) -> {sums}
  %y = linalg.reduce {{ arith.addf }} ins(%a : {numbers})
                     outs(%init : {sums}) dimensions = [1]
  return %y : {sums}
}}
"""


def probe_inputs(size: int) -> tuple[str, ...]:
    """The input of the probe for IREE's tools."""
    return (f"{_blocks(size)}x{_GROUPS}x{_LANES}xf32=0.5",)


def probe_bytes(size: int) -> int:
    """The bytes that the probe reads."""
    return _blocks(size) * _GROUPS * _LANES * _F32_BYTES


def _blocks(size: int) -> int:
    return max(1, size * size // (_GROUPS * _LANES))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that models run, in f32 and of sizes for a small host. Each is given as MLIR and as numpy code.

Sizes are those of BERT-large, Llama-3-8B, SDXL's UNet, Whisper-large, ResNet-50 and unaligned GEMMs of DeepBench.
Source: nod-ai/iree-kernel-benchmark, ROCm/rocMLIR, baidu-research/DeepBench.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation. `shapes` are those of its operands in the order of the MLIR function.

    `compute` is the same with numpy's BLAS. `blas` is None if BLAS has nothing of the kind.
    """

    name: str
    mlir: str
    shapes: tuple[tuple[int, ...], ...]
    blas: Callable[..., Array] | None = None

    @property
    def function(self) -> str:
        """The name of the MLIR function."""
        return self.mlir.partition("@")[2].partition("(")[0]


def _tensor(*shape: int) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def _function(name: str, shapes: tuple[tuple[int, ...], ...], out: str, body: str, start: str = "0.0") -> str:
    """A function of tensors. `body` computes %c from %a, %b and %init, whose elements are all `start`."""
    operands = ", ".join(f"%{letter}: {_tensor(*shape)}" for letter, shape in zip("ab", shapes, strict=False))
    return f"""
func.func @{name}({operands}) -> {out} {{
  %start = arith.constant {start} : f32
  %empty = tensor.empty() : {out}
  %init = linalg.fill ins(%start : f32) outs(%empty : {out}) -> {out}
  {body}
  return %c : {out}
}}
"""


def gemm(m: int, n: int, k: int) -> Case:
    """C[m, n] = A[m, k] * B[k, n]."""
    shapes, out = ((m, k), (k, n)), _tensor(m, n)
    body = f"%c = linalg.matmul ins(%a, %b : {_tensor(m, k)}, {_tensor(k, n)}) outs(%init : {out}) -> {out}"
    return Case(f"gemm {m}x{n}x{k}", _function("gemm", shapes, out, body), shapes, np.matmul)


def batch_gemm(b: int, m: int, n: int, k: int) -> Case:
    """Independent products, as in attention."""
    shapes, out = ((b, m, k), (b, k, n)), _tensor(b, m, n)
    operands = f"{_tensor(b, m, k)}, {_tensor(b, k, n)}"
    body = f"%c = linalg.batch_matmul ins(%a, %b : {operands}) outs(%init : {out}) -> {out}"
    return Case(f"batch {b}x{m}x{n}x{k}", _function("batch", shapes, out, body), shapes, np.matmul)


def conv(size: int, channels: int, filters: int, window: int) -> Case:
    """One image of `size` x `size` outputs, NHWC, with padded input. BLAS gathers rows (im2col) and does a GEMM."""
    padded = size + window - 1
    shapes = ((1, padded, padded, channels), (window, window, channels, filters))
    out = _tensor(1, size, size, filters)
    strides = "dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>"
    operands = ", ".join(_tensor(*shape) for shape in shapes)
    body = f"%c = linalg.conv_2d_nhwc_hwcf {{{strides}}} ins(%a, %b : {operands}) outs(%init : {out}) -> {out}"

    def blas(image: Array, weights: Array) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(image[0], (window, window), axis=(0, 1))
        rows = windows.transpose(0, 1, 3, 4, 2).reshape(size * size, -1)
        return (rows @ weights.reshape(-1, filters)).reshape(1, size, size, filters)

    name = f"conv {size}x{size} {channels} to {filters}, {window}x{window}"
    return Case(name, _function("conv", shapes, out, body), shapes, blas)


def channel_wise(size: int, channels: int, window: int) -> Case:
    """One image, channels first, each channel with a window of its own, with padded input."""
    padded = size + window - 1
    shapes = ((1, channels, padded, padded), (channels, window, window))
    out = _tensor(1, channels, size, size)
    strides = "dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>"
    operands = ", ".join(_tensor(*shape) for shape in shapes)
    body = f"%c = linalg.depthwise_conv_2d_nchw_chw {{{strides}}} ins(%a, %b : {operands}) outs(%init : {out}) -> {out}"
    name = f"channel-wise {size}x{size} {channels}, {window}x{window}"
    return Case(name, _function("channelwise", shapes, out, body), shapes)


def softmax(rows: int, columns: int) -> Case:
    """Softmax of each row."""
    out = _tensor(rows, columns)
    body = f"%c = linalg.softmax dimension(1) ins(%a : {out}) outs(%empty : {out}) -> {out}"
    return Case(f"softmax {rows}x{columns}", _function("softmax", ((rows, columns),), out, body), ((rows, columns),))


def row_sum(rows: int, columns: int) -> Case:
    """The sum of each row, as in normalisations. BLAS multiplies by ones."""
    shapes, out = ((rows, columns),), _tensor(rows)
    body = f"""%c = linalg.reduce ins(%a : {_tensor(rows, columns)}) outs(%init : {out}) dimensions = [1]
    (%in: f32, %sum: f32) {{
      %next = arith.addf %in, %sum : f32
      linalg.yield %next : f32
    }}"""
    ones = np.ones(columns, dtype=np.float32)
    return Case(f"row sum {rows}x{columns}", _function("rowsum", shapes, out, body), shapes, lambda a: a @ ones)


CASES = {
    case.name: case
    for case in (
        gemm(384, 3072, 1024),
        gemm(384, 1024, 4096),
        gemm(128, 1280, 2048),
        gemm(512, 1024, 4096),
        gemm(35, 8457, 2560),
        gemm(1760, 128, 1760),
        gemm(1, 1001, 2048),
        batch_gemm(12, 384, 384, 64),
        batch_gemm(20, 1500, 64, 1500),
        batch_gemm(32, 1, 4096, 128),
        conv(56, 64, 64, 3),
        conv(28, 128, 128, 3),
        conv(14, 256, 256, 3),
        conv(7, 512, 512, 3),
        conv(14, 1024, 256, 1),
        channel_wise(80, 96, 3),
        channel_wise(40, 192, 5),
        softmax(4608, 384),
        row_sum(1500, 5120),
    )
}

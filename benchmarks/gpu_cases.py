# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that models run, for the GPU suite. Each is given as MLIR, and as a library computes it.

Sizes are those of Llama-3-8B, Llama-70B, SDXL's UNet, BERT-large, Llama-2-7B, ResNet-50 and of an unaligned GEMM of
DeepBench. Source: nod-ai/iree-kernel-benchmark, ROCm/rocMLIR, baidu-research/DeepBench.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import problem_sizes


@dataclass(frozen=True, slots=True)
class Case:
    """One operation. `flops` and `bytes` are the least that any implementation computes and moves.

    `library` takes the torch module and returns a function that computes the same. `note` says how that differs.
    """

    name: str
    kind: str
    mlir: str
    flops: float
    bytes: float
    library: Callable[[Any], Callable[[], Any]]
    note: str = ""


def gemm(m: int, n: int, k: int) -> Case:
    """C[m, n] = A[m, k] * B[k, n], with f16 operands, summed and stored in f32."""

    def library(torch: Any) -> Callable[[], Any]:
        a, b = _random(torch, m, k), _random(torch, k, n)
        return lambda: torch.mm(a, b, out_dtype=torch.float32)

    c = f"tensor<{m}x{n}xf32>"
    return Case(
        f"gemm_{m}x{n}x{k}",
        "gemm",
        f"""
func.func @gemm(%a: tensor<{m}x{k}xf16>, %b: tensor<{k}x{n}xf16>) -> {c} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {c}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {c}) -> {c}
  %c = linalg.matmul ins(%a, %b : tensor<{m}x{k}xf16>, tensor<{k}x{n}xf16>) outs(%init : {c}) -> {c}
  return %c : {c}
}}
""",
        2.0 * m * n * k,
        2.0 * (m * k + k * n) + 4.0 * m * n,
        library,
    )


def conv(n: int, size: int, channels: int, filters: int, window: int = 3, stride: int = 1) -> Case:
    """A convolution with `size` x `size` outputs, NHWC, f16 operands summed and stored in f32, and padded input."""
    padded = (size - 1) * stride + window

    def library(torch: Any) -> Callable[[], Any]:
        image = _random(torch, n, channels, padded, padded).to(memory_format=torch.channels_last)
        weights = _random(torch, filters, channels, window, window).to(memory_format=torch.channels_last)
        return lambda: torch.nn.functional.conv2d(image, weights, stride=stride)

    a, b = f"tensor<{n}x{padded}x{padded}x{channels}xf16>", f"tensor<{window}x{window}x{channels}x{filters}xf16>"
    c = f"tensor<{n}x{size}x{size}x{filters}xf32>"
    outputs = n * size * size * filters
    return Case(
        f"conv_{n}x{size}x{size}_{channels}to{filters}_{window}x{window}" + (f"_s{stride}" if stride > 1 else ""),
        "conv",
        f"""
func.func @conv(%a: {a}, %b: {b}) -> {c} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {c}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {c}) -> {c}
  %c = linalg.conv_2d_nhwc_hwcf {{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}
    ins(%a, %b : {a}, {b}) outs(%init : {c}) -> {c}
  return %c : {c}
}}
""",
        2.0 * outputs * channels * window * window,
        2.0 * (n * padded * padded * channels + window * window * channels * filters) + 4.0 * outputs,
        library,
        "cuDNN stores f16",
    )


def attention(heads: int, queries: int, keys: int, features: int) -> Case:
    """softmax(Q K^T / sqrt(features)) V, all in f16, with batch and heads as one dimension."""

    def library(torch: Any) -> Callable[[], Any]:
        q, k, v = (_random(torch, 1, heads, rows, features) for rows in (queries, keys, keys))
        return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)

    q, k = f"tensor<{heads}x{queries}x{features}xf16>", f"tensor<{heads}x{keys}x{features}xf16>"
    return Case(
        f"attention_{heads}x{queries}x{keys}x{features}",
        "attention",
        f"""
func.func @attention(%q: {q}, %k: {k}, %v: {k}) -> {q} {{
  %scale = arith.constant {features**-0.5} : f16
  %empty = tensor.empty() : {q}
  %o = iree_linalg_ext.attention <{{indexing_maps = [
      affine_map<(b, m, n, k1, k2) -> (b, m, k1)>, affine_map<(b, m, n, k1, k2) -> (b, k2, k1)>,
      affine_map<(b, m, n, k1, k2) -> (b, k2, n)>, affine_map<(b, m, n, k1, k2) -> ()>,
      affine_map<(b, m, n, k1, k2) -> (b, m, n)>]}}>
      ins(%q, %k, %v, %scale : {q}, {k}, {k}, f16) outs(%empty : {q}) {{
  ^bb0(%score: f32):
    iree_linalg_ext.yield %score : f32
  }} -> {q}
  return %o : {q}
}}
""",
        4.0 * heads * queries * keys * features,
        4.0 * heads * (queries + keys) * features,
        library,
    )


def row_sums(rows: int, columns: int) -> Case:
    """The sum of each row: f16, summed in f32."""

    def library(torch: Any) -> Callable[[], Any]:
        a = _random(torch, rows, columns)
        return lambda: torch.sum(a, dim=1, dtype=torch.float32)

    return Case(
        f"sum_{rows}x{columns}",
        "reduction",
        f"""
func.func @sum(%a: tensor<{rows}x{columns}xf16>) -> tensor<{rows}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{rows}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{rows}xf32>) -> tensor<{rows}xf32>
  %c = linalg.generic {{
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]}}
      ins(%a : tensor<{rows}x{columns}xf16>) outs(%init : tensor<{rows}xf32>) {{
  ^bb0(%x: f16, %sum: f32):
    %wide = arith.extf %x : f16 to f32
    %next = arith.addf %sum, %wide : f32
    linalg.yield %next : f32
  }} -> tensor<{rows}xf32>
  return %c : tensor<{rows}xf32>
}}
""",
        1.0 * rows * columns,
        2.0 * rows * columns + 4.0 * rows,
        library,
    )


def transposition(sizes: tuple[int, ...], permutation: tuple[int, ...]) -> Case:
    """A transposition in f16."""

    def library(torch: Any) -> Callable[[], Any]:
        a = _random(torch, *sizes)
        return lambda: a.permute(*permutation).contiguous()

    name = f"transpose_{'x'.join(map(str, sizes))}_to_{''.join(map(str, permutation))}"
    text = problem_sizes.transpose(sizes, permutation, "f16")
    return Case(name, "elementwise", text, 0.0, 4.0 * math.prod(sizes), library)


def biased_rows(rows: int, columns: int) -> Case:
    """A row added to rows in f32, narrowed to f16: what follows a product."""

    def library(torch: Any) -> Callable[[], Any]:
        a, b = _random(torch, rows, columns).float(), _random(torch, columns).float()
        return lambda: (a + b).half()

    count = rows * columns
    text = problem_sizes.biased((rows, columns), "f16")
    return Case(
        f"bias_{rows}x{columns}", "elementwise", text, 1.0 * count, 6.0 * count, library, "torch makes two kernels"
    )


def border(channels: int, rows: int, columns: int) -> Case:
    """An image in f16 with a border of zeros; what is timed is the copy."""

    def library(torch: Any) -> Callable[[], Any]:
        a = _random(torch, channels, rows, columns)
        return lambda: torch.nn.functional.pad(a, (1, 1, 1, 1))

    text = problem_sizes.bordered((channels, rows, columns), "f16")
    size = 4.0 * channels * rows * columns
    return Case(f"border_{channels}x{rows}x{columns}", "copy", text, 0.0, size, library, "torch fills the border too")


def max_pool(images: int, channels: int, size: int, window: int, stride: int) -> Case:
    """Maxima of windows in f16, channels first, with `size` x `size` outputs."""
    read = stride * (size - 1) + window

    def library(torch: Any) -> Callable[[], Any]:
        a = _random(torch, images, channels, read, read)
        return lambda: torch.nn.functional.max_pool2d(a, window, stride)

    outputs = images * channels * size * size
    text = problem_sizes.max_pooling((images, channels, size, window, stride), "f16")
    name = f"pool_{images}x{channels}x{size}x{size}_{window}x{window}_s{stride}"
    moved = 2.0 * (images * channels * read * read + outputs)
    return Case(name, "pooling", text, 1.0 * outputs * window * window, moved, library)


def _random(torch: Any, *shape: int) -> Any:
    return (torch.rand(*shape, device="cuda") * 2 - 1).half()


CASES = (
    gemm(512, 14336, 4096),
    gemm(512, 4096, 14336),
    gemm(512, 4096, 4096),
    gemm(10240, 512, 8192),
    gemm(2048, 10240, 1280),
    gemm(2048, 1280, 5120),
    gemm(8192, 640, 2560),
    gemm(384, 1024, 4096),
    gemm(256, 22016, 4096),
    gemm(8192, 320, 1280),
    conv(1, 128, 320, 320),
    conv(1, 64, 640, 640),
    conv(1, 32, 1280, 1280),
    conv(1, 56, 64, 64),
    attention(20, 4096, 4096, 64),
    attention(40, 1024, 1024, 64),
    row_sums(4096, 14336),
    row_sums(512, 4096),
    transposition((4096, 4096), (1, 0)),
    transposition((1024, 12, 64), (1, 0, 2)),
    biased_rows(4096, 3072),
    border(192, 112, 112),
    max_pool(8, 64, 56, 3, 2),
)

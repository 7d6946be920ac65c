# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problem sizes that real models run, as MLIR models of one dispatch each.

Sources: nod-ai/iree-kernel-benchmark (gemmbench, convbench, attentionbench), ROCm/rocMLIR (tier1 configurations),
baidu-research/DeepBench.
"""

from __future__ import annotations

GEMM = (
    (512, 14336, 4096),
    (512, 4096, 14336),
    (512, 4096, 4096),
    (512, 1024, 4096),
    (10240, 512, 8192),
    (32000, 1, 8192),
    (2048, 10240, 1280),
    (2048, 1280, 1280),
    (2048, 1280, 5120),
    (128, 1280, 2048),
    (8192, 640, 2560),
    (384, 3072, 1024),
    (384, 1024, 4096),
    (256, 22016, 4096),
    (1500, 5120, 1280),
    (8192, 320, 1280),
    (1, 1001, 2048),
    (5124, 9124, 2560),
    (35, 8457, 2560),
    (1760, 128, 1760),
)
"""M, N, K."""

CONVOLUTION = (
    (1, 128, 128, 320, 320, 3, 1, 1),
    (1, 64, 64, 640, 640, 3, 1, 1),
    (1, 32, 32, 1280, 1280, 3, 1, 1),
    (1, 32, 32, 2560, 1280, 3, 1, 1),
    (1, 64, 64, 320, 320, 3, 2, 1),
    (1, 112, 112, 3, 64, 7, 2, 1),
    (1, 56, 56, 64, 64, 3, 1, 1),
    (1, 28, 28, 128, 128, 3, 1, 1),
    (1, 14, 14, 256, 256, 3, 1, 1),
    (1, 7, 7, 512, 512, 3, 1, 1),
    (1, 14, 14, 1024, 256, 1, 1, 1),
    (32, 50, 50, 512, 512, 3, 1, 32),
    (2, 59, 91, 896, 896, 1, 1, 1),
)
"""Images, output rows and columns, input channels, output channels, window, stride, groups."""

ATTENTION = (
    (20, 4096, 4096, 64, 64),
    (20, 4096, 64, 64, 64),
    (40, 1024, 1024, 64, 64),
    (12, 384, 384, 64, 64),
    (512, 4096, 4096, 128, 128),
    (32, 1, 4096, 128, 128),
    (20, 1500, 1500, 64, 64),
)
"""Batch times heads, queries, keys, features of a query, features of a value."""

ROWS = ((32, 4096), (4096, 1280), (20, 1500), (128, 32000))
"""Rows and columns of a softmax or a sum."""

_SUM_TYPE = {"f16": "f32", "bf16": "f32", "f32": "f32", "i8": "i32", "f8E4M3FN": "f32", "f8E4M3FNUZ": "f32"}


def product(sizes: tuple[int, int, int], element_type: str, *, batch: int = 0, transposed: bool = False) -> str:
    """C = A * B, with B transposed if asked, and `batch` such products side by side unless `batch` is 0."""
    m, n, k = sizes
    sums = _SUM_TYPE[element_type]
    lead = f"{batch}x" if batch else ""
    dims = ["b"] if batch else []
    maps = [[*dims, "m", "k"], [*dims, *(("n", "k") if transposed else ("k", "n"))], [*dims, "m", "n"]]
    all_dims = ", ".join([*dims, "m", "n", "k"])
    printed = ", ".join(f"affine_map<({all_dims}) -> ({', '.join(each)})>" for each in maps)
    name = "batch_matmul" if batch else "matmul"
    lhs = f"tensor<{lead}{m}x{k}x{element_type}>"
    rhs = f"tensor<{lead}{f'{n}x{k}' if transposed else f'{k}x{n}'}x{element_type}>"
    return _filled(f"linalg.{name} indexing_maps = [{printed}]", [lhs, rhs], f"tensor<{lead}{m}x{n}x{sums}>", sums)


def convolution(sizes: tuple[int, ...], element_type: str, *, channels_first: bool = False) -> str:
    """A convolution of images, grouped if there are groups; channels come last unless asked otherwise."""
    images, rows, columns, inputs, outputs, window, stride, groups = sizes
    sums = _SUM_TYPE[element_type]
    height, width = ((each - 1) * stride + window for each in (rows, columns))
    strides = f"{{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}"
    if channels_first:
        return _filled(
            f"linalg.conv_2d_nchw_fchw {strides}",
            [
                f"tensor<{images}x{inputs}x{height}x{width}x{element_type}>",
                f"tensor<{outputs}x{inputs}x{window}x{window}x{element_type}>",
            ],
            f"tensor<{images}x{outputs}x{rows}x{columns}x{sums}>",
            sums,
        )
    if groups == 1:
        image, filters = f"{images}x{height}x{width}x{inputs}", f"{window}x{window}x{inputs}x{outputs}"
        return _filled(
            f"linalg.conv_2d_nhwc_hwcf {strides}",
            [f"tensor<{image}x{element_type}>", f"tensor<{filters}x{element_type}>"],
            f"tensor<{images}x{rows}x{columns}x{outputs}x{sums}>",
            sums,
        )
    image = f"{images}x{height}x{width}x{groups}x{inputs // groups}"
    filters = f"{groups}x{outputs // groups}x{window}x{window}x{inputs // groups}"
    return _filled(
        f"linalg.conv_2d_nhwgc_gfhwc {strides}",
        [f"tensor<{image}x{element_type}>", f"tensor<{filters}x{element_type}>"],
        f"tensor<{images}x{rows}x{columns}x{groups}x{outputs // groups}x{sums}>",
        sums,
    )


def attention(sizes: tuple[int, ...], element_type: str, *, masked: bool = False) -> str:
    """Attention with a constant scale, and with a mask [queries, keys] that is added to the scores if asked."""
    batch, queries, keys, features, values = sizes
    kinds = (f"{queries}x{features}", f"{keys}x{features}", f"{keys}x{values}", f"{queries}x{values}")
    q, k, v, o = (f"tensor<{batch}x{each}x{element_type}>" for each in kinds)
    mask = f"tensor<{queries}x{keys}x{element_type}>"
    argument, operand, kind, indexing = (
        (f", %mask: {mask}", ", %mask", f", {mask}", "affine_map<(b, m, n, k1, k2) -> (m, k2)>, ")
        if masked
        else ("", "", "", "")
    )
    return f"""\
func.func @model(%q: {q}, %k: {k}, %v: {v}{argument}) -> {o} {{
  %scale = arith.constant 0.125 : {element_type}
  %empty = tensor.empty() : {o}
  %o = iree_linalg_ext.attention <{{indexing_maps = [
      affine_map<(b, m, n, k1, k2) -> (b, m, k1)>, affine_map<(b, m, n, k1, k2) -> (b, k2, k1)>,
      affine_map<(b, m, n, k1, k2) -> (b, k2, n)>, affine_map<(b, m, n, k1, k2) -> ()>,
      {indexing}affine_map<(b, m, n, k1, k2) -> (b, m, n)>]}}>
      ins(%q, %k, %v, %scale{operand} : {q}, {k}, {v}, {element_type}{kind}) outs(%empty : {o}) {{
  ^bb0(%score: f32):
    iree_linalg_ext.yield %score : f32
  }} -> {o}
  return %o : {o}
}}
"""


def softmax(sizes: tuple[int, int], element_type: str) -> str:
    """Softmax along the rows."""
    kind = f"tensor<{sizes[0]}x{sizes[1]}x{element_type}>"
    return f"""\
func.func @model(%a: {kind}) -> {kind} {{
  %empty = tensor.empty() : {kind}
  %b = linalg.softmax dimension(1) ins(%a : {kind}) outs(%empty : {kind}) -> {kind}
  return %b : {kind}
}}
"""


def row_sum(sizes: tuple[int, int], element_type: str) -> str:
    """The sum of each row."""
    source, result = f"tensor<{sizes[0]}x{sizes[1]}x{element_type}>", f"tensor<{sizes[0]}x{element_type}>"
    add = "addi" if element_type.startswith("i") else "addf"
    zero = "0" if element_type.startswith("i") else "0.0"
    return f"""\
func.func @model(%a: {source}) -> {result} {{
  %zero = arith.constant {zero} : {element_type}
  %empty = tensor.empty() : {result}
  %init = linalg.fill ins(%zero : {element_type}) outs(%empty : {result}) -> {result}
  %b = linalg.reduce {{ arith.{add} }} ins(%a : {source}) outs(%init : {result}) dimensions = [1]
  return %b : {result}
}}
"""


def transpose(sizes: tuple[int, ...], permutation: tuple[int, ...], element_type: str) -> str:
    """A transposition of any rank."""
    source, result = (
        f"tensor<{'x'.join(map(str, shape))}x{element_type}>"
        for shape in (sizes, tuple(sizes[place] for place in permutation))
    )
    return f"""\
func.func @model(%a: {source}) -> {result} {{
  %empty = tensor.empty() : {result}
  %b = linalg.transpose ins(%a : {source}) outs(%empty : {result}) permutation = {list(permutation)}
  return %b : {result}
}}
"""


def biased(sizes: tuple[int, int], element_type: str) -> str:
    """A row added to each row of sums, narrowed to the type: what comes after a product."""
    sums, rows, row = f"{sizes[0]}x{sizes[1]}xf32", f"{sizes[0]}x{sizes[1]}x{element_type}", f"{sizes[1]}xf32"
    return f"""\
func.func @model(%a: tensor<{sums}>, %b: tensor<{row}>) -> tensor<{rows}> {{
  %empty = tensor.empty() : tensor<{rows}>
  %c = linalg.generic {{
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]
      }} ins(%a, %b : tensor<{sums}>, tensor<{row}>) outs(%empty : tensor<{rows}>) {{
  ^bb0(%x: f32, %y: f32, %unused: {element_type}):
    %z = arith.addf %x, %y : f32
    %narrow = arith.truncf %z : f32 to {element_type}
    linalg.yield %narrow : {element_type}
  }} -> tensor<{rows}>
  return %c : tensor<{rows}>
}}
"""


def bordered(sizes: tuple[int, int, int], element_type: str) -> str:
    """Channels, rows and columns of an image with a border of zeros: a fill, and a copy of one buffer into another."""
    channels, rows, columns = sizes
    image, padded = (
        f"tensor<{channels}x{rows + 2 * border}x{columns + 2 * border}x{element_type}>" for border in (0, 1)
    )
    return f"""\
func.func @model(%a: {image}) -> {padded} {{
  %zero = arith.constant 0.0 : {element_type}
  %b = tensor.pad %a low[0, 1, 1] high[0, 1, 1] {{
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %zero : {element_type}
  }} : {image} to {padded}
  return %b : {padded}
}}
"""


def max_pooling(sizes: tuple[int, int, int, int, int], element_type: str) -> str:
    """Maxima of windows, channels first: images, channels, rows (and columns) of the output, window, stride."""
    images, channels, size, window, stride = sizes
    read = f"tensor<{images}x{channels}x{'x'.join([str(stride * (size - 1) + window)] * 2)}x{element_type}>"
    out = f"tensor<{images}x{channels}x{size}x{size}x{element_type}>"
    shape = f"tensor<{window}x{window}x{element_type}>"
    return f"""\
func.func @model(%a: {read}) -> {out} {{
  %lowest = arith.constant -6.5e4 : {element_type}
  %window = tensor.empty() : {shape}
  %empty = tensor.empty() : {out}
  %init = linalg.fill ins(%lowest : {element_type}) outs(%empty : {out}) -> {out}
  %b = linalg.pooling_nchw_max {{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}
      ins(%a, %window : {read}, {shape}) outs(%init : {out}) -> {out}
  return %b : {out}
}}
"""


def _filled(op: str, inputs: list[str], output: str, element_type: str) -> str:
    """A function of one op that sums into zeros."""
    zero = "0" if element_type.startswith("i") else "0.0"
    arguments = ", ".join(f"%arg{index}: {each}" for index, each in enumerate(inputs))
    names = ", ".join(f"%arg{index}" for index in range(len(inputs)))
    return f"""\
func.func @model({arguments}) -> {output} {{
  %zero = arith.constant {zero} : {element_type}
  %empty = tensor.empty() : {output}
  %init = linalg.fill ins(%zero : {element_type}) outs(%empty : {output}) -> {output}
  %result = {op} ins({names} : {", ".join(inputs)}) outs(%init : {output}) -> {output}
  return %result : {output}
}}
"""

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small models for the tests, as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Makes the compiler's own choice poor on every x86 processor where no tile divides a loop, as for primes: tiles of one
# element. With AVX-512 it never peels loops; without, it peels them, and primes do it no harm.
NO_PEELING = "--iree-llvmcpu-disable-vector-peeling"


def matmul(m: int, n: int, k: int, name: str = "matmul") -> str:
    """C = A * B in f32."""
    return f"""
func.func @{name}(%a: tensor<{m}x{k}xf32>, %b: tensor<{k}x{n}xf32>) -> tensor<{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x{k}xf32>, tensor<{k}x{n}xf32>)
                     outs(%init : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  return %c : tensor<{m}x{n}xf32>
}}
"""


def open_matmul(n: int, k: int) -> str:
    """C = A * B in f32. A has any number of rows."""
    text = matmul(96, n, k).replace("<96x", "<?x").replace("tensor.empty()", "tensor.empty(%rows)")
    return text.replace(
        "%zero =", f"%c0 = arith.constant 0 : index\n  %rows = tensor.dim %a, %c0 : tensor<?x{k}xf32>\n  %zero ="
    )


def together(name: str, models: Sequence[str]) -> str:
    """One function that computes what the functions of several models do, each on arguments of its own."""
    before, arguments, bodies, returned = "", [], [], []
    for number, model in enumerate(models):
        model = re.sub(r"[%#](?=[a-z])", rf"\g<0>of{number}_", model)
        found = re.fullmatch(r"(.*)func.func @\w+\(([^)]*)\) -> .*? \{\n(.*)  return (%\w+) : (\S+)\n\}\n", model, re.S)
        assert found is not None
        aliases, taken, body, value, kind = found.groups()
        before += aliases
        arguments.append(taken)
        bodies.append(body)
        returned.append((value, kind))
    values, kinds = (", ".join(words) for words in zip(*returned, strict=True))
    return f"""{before}
func.func @{name}({", ".join(arguments)}) -> ({kinds}) {{
{"".join(bodies)}  return {values} : {kinds}
}}
"""


def elementwise_of(body: str, size: int) -> str:
    """y = f(x) in f32, `body` being MLIR that makes %y of %x."""
    return f"""
#map = affine_map<(i) -> (i)>
func.func @elementwise(%v: tensor<{size}xf32>) -> tensor<{size}xf32> {{
  %empty = tensor.empty() : tensor<{size}xf32>
  %r = linalg.generic {{indexing_maps = [#map, #map], iterator_types = ["parallel"]}}
      ins(%v : tensor<{size}xf32>) outs(%empty : tensor<{size}xf32>) {{
  ^bb0(%x: f32, %unused: f32):
    {body}
    linalg.yield %y : f32
  }} -> tensor<{size}xf32>
  return %r : tensor<{size}xf32>
}}
"""


def padded_depthwise(channels: int = 8) -> str:
    """A depthwise convolution of a padded image in f32. The default of the dispatch that pads too does not compile.

    Source: iree-compile 3.13 with `--iree-dispatch-creation-enable-fuse-padding-into-linalg-consumer-ops`.
    """
    image, padded = f"tensor<1x{channels}x12x96xf32>", f"tensor<1x{channels}x14x98xf32>"
    return f"""
func.func @depthwise(%x: {image}, %w: tensor<{channels}x3x3xf32>) -> {image} {{
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {{
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  }} : {image} to {padded}
  %empty = tensor.empty() : {image}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {image}) -> {image}
  %y = linalg.depthwise_conv_2d_nchw_chw ins(%padded, %w : {padded}, tensor<{channels}x3x3xf32>)
    outs(%init : {image}) -> {image}
  return %y : {image}
}}
"""


def two_matmuls(m: int, n: int, p: int, k: int) -> str:
    """A * B * C in f32: two products, the second of the first."""
    return f"""
func.func @chain(%a: tensor<{m}x{k}xf32>, %b: tensor<{k}x{n}xf32>, %c: tensor<{n}x{p}xf32>) -> tensor<{m}x{p}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %d = linalg.matmul ins(%a, %b : tensor<{m}x{k}xf32>, tensor<{k}x{n}xf32>)
                     outs(%init : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %other_empty = tensor.empty() : tensor<{m}x{p}xf32>
  %other_init = linalg.fill ins(%zero : f32) outs(%other_empty : tensor<{m}x{p}xf32>) -> tensor<{m}x{p}xf32>
  %e = linalg.matmul ins(%d, %c : tensor<{m}x{n}xf32>, tensor<{n}x{p}xf32>)
                     outs(%other_init : tensor<{m}x{p}xf32>) -> tensor<{m}x{p}xf32>
  return %e : tensor<{m}x{p}xf32>
}}
"""


def matmul_bias_relu(m: int, n: int, k: int) -> str:
    """relu(A * B + bias) in f32: one dispatch with an epilogue."""
    return f"""
#matrix = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>
func.func @fused(%a: tensor<{m}x{k}xf32>, %b: tensor<{k}x{n}xf32>, %bias: tensor<{n}xf32>) -> tensor<{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x{k}xf32>, tensor<{k}x{n}xf32>)
                     outs(%init : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %d = linalg.generic {{indexing_maps = [#matrix, #row, #matrix], iterator_types = ["parallel", "parallel"]}}
      ins(%c, %bias : tensor<{m}x{n}xf32>, tensor<{n}xf32>) outs(%empty : tensor<{m}x{n}xf32>) {{
  ^bb0(%value: f32, %offset: f32, %unused: f32):
    %sum = arith.addf %value, %offset : f32
    %relu = arith.maximumf %sum, %zero : f32
    linalg.yield %relu : f32
  }} -> tensor<{m}x{n}xf32>
  return %d : tensor<{m}x{n}xf32>
}}
"""


def batch_matmul(b: int, m: int, n: int, k: int, element_type: str = "f32") -> str:
    """Independent products, summed in f32."""
    lhs, rhs = f"tensor<{b}x{m}x{k}x{element_type}>", f"tensor<{b}x{k}x{n}x{element_type}>"
    return f"""
func.func @batch(%a: {lhs}, %b: {rhs}) -> tensor<{b}x{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{b}x{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{b}x{m}x{n}xf32>) -> tensor<{b}x{m}x{n}xf32>
  %c = linalg.batch_matmul ins(%a, %b : {lhs}, {rhs})
                           outs(%init : tensor<{b}x{m}x{n}xf32>) -> tensor<{b}x{m}x{n}xf32>
  return %c : tensor<{b}x{m}x{n}xf32>
}}
"""


def integer_matmul(m: int, n: int, k: int) -> str:
    """C = A * B, i8 operands summed in i32."""
    return f"""
func.func @integer(%a: tensor<{m}x{k}xi8>, %b: tensor<{k}x{n}xi8>) -> tensor<{m}x{n}xi32> {{
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<{m}x{n}xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<{m}x{n}xi32>) -> tensor<{m}x{n}xi32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x{k}xi8>, tensor<{k}x{n}xi8>)
                     outs(%init : tensor<{m}x{n}xi32>) -> tensor<{m}x{n}xi32>
  return %c : tensor<{m}x{n}xi32>
}}
"""


def elementwise(size: int) -> str:
    """a + a in f32, which no spec for plain iree-compile reaches."""
    return f"""
func.func @double(%a: tensor<{size}xf32>) -> tensor<{size}xf32> {{
  %b = arith.addf %a, %a : tensor<{size}xf32>
  return %b : tensor<{size}xf32>
}}
"""


def narrow_matmul(m: int, n: int, k: int, element_type: str) -> str:
    """C = A * B, narrow floats summed in f32."""
    return f"""
func.func @narrow(%a: tensor<{m}x{k}x{element_type}>, %b: tensor<{k}x{n}x{element_type}>) -> tensor<{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x{k}x{element_type}>, tensor<{k}x{n}x{element_type}>)
                     outs(%init : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  return %c : tensor<{m}x{n}xf32>
}}
"""


def matmul_residual(m: int, n: int, k: int, name: str = "residual") -> str:
    """A * B + R in f16, summed in f32: a product with an operand of its epilogue, as a transformer's layer ends."""
    lhs, rhs, result = f"tensor<{m}x{k}xf16>", f"tensor<{k}x{n}xf16>", f"tensor<{m}x{n}xf16>"
    sums = f"tensor<{m}x{n}xf32>"
    return f"""
func.func @{name}(%a: {lhs}, %b: {rhs}, %r: {result}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {sums}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {sums}) -> {sums}
  %c = linalg.matmul ins(%a, %b : {lhs}, {rhs}) outs(%init : {sums}) -> {sums}
  %narrow = tensor.empty() : {result}
  %d = linalg.generic {{
      indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}} ins(%c, %r : {sums}, {result}) outs(%narrow : {result}) {{
  ^bb0(%value: f32, %before: f16, %unused: f16):
    %product = arith.truncf %value : f32 to f16
    %sum = arith.addf %product, %before : f16
    linalg.yield %sum : f16
  }} -> {result}
  return %d : {result}
}}
"""


def narrow_matmul_bias_relu(m: int, n: int, k: int, element_type: str) -> str:
    """relu(A * B + bias), narrow floats summed in f32: a product with an epilogue."""
    lhs, rhs, result = f"tensor<{m}x{k}x{element_type}>", f"tensor<{k}x{n}x{element_type}>", f"tensor<{m}x{n}xf32>"
    return f"""
#matrix = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>
func.func @narrow_fused(%a: {lhs}, %b: {rhs}, %bias: tensor<{n}xf32>) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {result}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
  %c = linalg.matmul ins(%a, %b : {lhs}, {rhs}) outs(%init : {result}) -> {result}
  %d = linalg.generic {{indexing_maps = [#matrix, #row, #matrix], iterator_types = ["parallel", "parallel"]}}
      ins(%c, %bias : {result}, tensor<{n}xf32>) outs(%empty : {result}) {{
  ^bb0(%value: f32, %offset: f32, %unused: f32):
    %sum = arith.addf %value, %offset : f32
    %relu = arith.maximumf %sum, %zero : f32
    linalg.yield %relu : f32
  }} -> {result}
  return %d : {result}
}}
"""


def narrow_convolution(size: int, channels: int, stride: int, element_type: str) -> str:
    """A 3x3 convolution of one image with channels last, narrow floats summed in f32; `size` is the output's."""
    side = (size - 1) * stride + 3
    image, result = f"tensor<1x{side}x{side}x{channels}x{element_type}>", f"tensor<1x{size}x{size}x{channels}xf32>"
    filters = f"tensor<3x3x{channels}x{channels}x{element_type}>"
    return f"""
func.func @convolution_{stride}(%image: {image}, %filters: {filters}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {result}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
  %o = linalg.conv_2d_nhwc_hwcf {{strides = dense<{stride}> : vector<2xi64>}}
      ins(%image, %filters : {image}, {filters}) outs(%init : {result}) -> {result}
  return %o : {result}
}}
"""


# An image in blocks of 16 channels, rows as tiles of columns with a remainder that is filled, and what undoes that.
LAYOUTS = """
func.func @image(%a: tensor<1x48x20x20xf32>) -> tensor<1x3x20x20x16xf32> {
  %empty = tensor.empty() : tensor<1x3x20x20x16xf32>
  %b = linalg.pack %a inner_dims_pos = [1] inner_tiles = [16]
    into %empty : tensor<1x48x20x20xf32> -> tensor<1x3x20x20x16xf32>
  return %b : tensor<1x3x20x20x16xf32>
}
func.func @filled(%a: tensor<120x250xf32>) -> tensor<16x120x16x1xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<16x120x16x1xf32>
  %b = linalg.pack %a padding_value(%zero : f32) outer_dims_perm = [1, 0] inner_dims_pos = [1, 0] inner_tiles = [16, 1]
    into %empty : tensor<120x250xf32> -> tensor<16x120x16x1xf32>
  return %b : tensor<16x120x16x1xf32>
}
func.func @unpacked(%a: tensor<8x16x16x16xf32>) -> tensor<120x250xf32> {
  %empty = tensor.empty() : tensor<120x250xf32>
  %b = linalg.unpack %a inner_dims_pos = [0, 1] inner_tiles = [16, 16]
    into %empty : tensor<8x16x16x16xf32> -> tensor<120x250xf32>
  return %b : tensor<120x250xf32>
}
"""


def sort(size: int) -> str:
    """Numbers in order: no kind of problem of ours describes it."""
    return f"""
func.func @sort(%a: tensor<{size}xf32>) -> tensor<{size}xf32> {{
  %b = iree_linalg_ext.sort dimension(0) outs(%a : tensor<{size}xf32>) {{
  ^bb0(%x: f32, %y: f32):
    %less = arith.cmpf olt, %x, %y : f32
    iree_linalg_ext.yield %less : i1
  }} -> tensor<{size}xf32>
  return %b : tensor<{size}xf32>
}}
"""


def softmax(rows: int, columns: int) -> str:
    """Softmax along the rows in f32: three configured ops."""
    kind = f"tensor<{rows}x{columns}xf32>"
    return f"""
func.func @softmax(%a: {kind}) -> {kind} {{
  %empty = tensor.empty() : {kind}
  %b = linalg.softmax dimension(1) ins(%a : {kind}) outs(%empty : {kind}) -> {kind}
  return %b : {kind}
}}
"""


def attention(batch: int, queries: int, keys: int, features: int, values: int) -> str:
    """Attention in f32 with a constant scale."""
    q, k, v, o = (
        f"tensor<{batch}x{rows}x{columns}xf32>"
        for rows, columns in ((queries, features), (keys, features), (keys, values), (queries, values))
    )
    return f"""
func.func @attention(%q: {q}, %k: {k}, %v: {v}) -> {o} {{
  %scale = arith.constant 0.125 : f32
  %empty = tensor.empty() : {o}
  %o = iree_linalg_ext.attention <{{indexing_maps = [
      affine_map<(b, m, n, f, k) -> (b, m, f)>, affine_map<(b, m, n, f, k) -> (b, k, f)>,
      affine_map<(b, m, n, f, k) -> (b, k, n)>, affine_map<(b, m, n, f, k) -> ()>,
      affine_map<(b, m, n, f, k) -> (b, m, n)>]}}>
      ins(%q, %k, %v, %scale : {q}, {k}, {v}, f32) outs(%empty : {o}) {{
  ^bb0(%score: f32):
    iree_linalg_ext.yield %score : f32
  }} -> {o}
  return %o : {o}
}}
"""


def padding(channels: int, size: int) -> str:
    """An image in f32 with a border of zeros: a fill, and a copy of one buffer into another."""
    image, padded = f"tensor<{channels}x{size}x{size}xf32>", f"tensor<{channels}x{size + 2}x{size + 2}xf32>"
    return f"""
func.func @padding(%a: {image}) -> {padded} {{
  %zero = arith.constant 0.0 : f32
  %b = tensor.pad %a low[0, 1, 1] high[0, 1, 1] {{
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %zero : f32
  }} : {image} to {padded}
  return %b : {padded}
}}
"""


def pooling(layout: str, channels: int, size: int, stride: int) -> str:
    """The maxima of 3 x 3 windows in f32; `layout` is nhwc or nchw, `size` the output's rows and columns."""

    def image(rows: int) -> str:
        sizes = {"n": 1, "c": channels, "h": rows, "w": rows}
        return f"tensor<{'x'.join(str(sizes[letter]) for letter in layout)}xf32>"

    read, out = image(stride * (size - 1) + 3), image(size)
    return f"""
func.func @pooling(%a: {read}) -> {out} {{
  %lowest = arith.constant 0xFF800000 : f32
  %window = tensor.empty() : tensor<3x3xf32>
  %empty = tensor.empty() : {out}
  %init = linalg.fill ins(%lowest : f32) outs(%empty : {out}) -> {out}
  %b = linalg.pooling_{layout}_max {{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}
      ins(%a, %window : {read}, tensor<3x3xf32>) outs(%init : {out}) -> {out}
  return %b : {out}
}}
"""


def channel_wise_rows(channels: int, size: int, window: int) -> str:
    """A channel-wise convolution in f32 of an image whose rows are contiguous, then clipped below at 0."""
    padded, out = f"1x{channels}x{size + window - 1}x{size + window - 1}", f"1x{channels}x{size}x{size}"
    return f"""
#map = affine_map<(n, c, i, j) -> (n, c, i, j)>
func.func @rows(%a: tensor<{padded}xf32>, %b: tensor<{channels}x{window}x{window}xf32>) -> tensor<{out}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{out}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{out}xf32>) -> tensor<{out}xf32>
  %c = linalg.depthwise_conv_2d_nchw_chw {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}}
      ins(%a, %b : tensor<{padded}xf32>, tensor<{channels}x{window}x{window}xf32>)
      outs(%init : tensor<{out}xf32>) -> tensor<{out}xf32>
  %r = linalg.generic {{
      indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]
      }} ins(%c : tensor<{out}xf32>) outs(%empty : tensor<{out}xf32>) {{
  ^bb0(%x: f32, %unused: f32):
    %y = arith.maximumf %x, %zero : f32
    linalg.yield %y : f32
  }} -> tensor<{out}xf32>
  return %r : tensor<{out}xf32>
}}
"""

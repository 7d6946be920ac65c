# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of one or few ops, as text: what choices of flags act on. All is f32, weights are constants."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

Shape = tuple[int, ...]


def _type(shape: Shape) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def _weights(name: str, shape: Shape) -> str:
    """Random numbers: what is done to equal ones the compiler does at once."""
    number = 1
    for size in shape:
        number *= size
    random = Random(number)
    data = b"".join(struct.pack("<f", random.uniform(-1, 1)) for _ in range(number)).hex().upper()
    return f'  {name} = arith.constant dense<"0x{data}"> : {_type(shape)}\n'


def _filled(name: str, shape: Shape) -> str:
    return f"""  {name}_empty = tensor.empty() : {_type(shape)}
  {name}_init = linalg.fill ins(%zero : f32) outs({name}_empty : {_type(shape)}) -> {_type(shape)}
"""


def _named(name: str, op: str, ins: Sequence[tuple[str, Shape]], shape: Shape, attributes: str = "") -> str:
    operands, types = ", ".join(value for value, _ in ins), ", ".join(_type(of) for _, of in ins)
    return f"""{_filled(name, shape)}  {name} = linalg.{op} {attributes} ins({operands} : {types})
      outs({name}_init : {_type(shape)}) -> {_type(shape)}
"""


def _generic(name: str, ins: Sequence[tuple[str, Shape]], shape: Shape, dims: int, body: str) -> str:
    """An op over `dims` loops; those that `shape` lacks are reduced. `body` makes %y of %0, %1 ... and %o."""

    def affine(of: Shape) -> str:
        loops = [f"d{loop}" for loop in range(dims)]
        return f"affine_map<({', '.join(loops)}) -> ({', '.join(loops[: len(of)])})>"

    maps = ", ".join(affine(of) for of in (*(of for _, of in ins), shape))
    iterators = ", ".join(['"parallel"'] * len(shape) + ['"reduction"'] * (dims - len(shape)))
    operands, types = ", ".join(value for value, _ in ins), ", ".join(_type(of) for _, of in ins)
    arguments = ", ".join(f"%{place}: f32" for place in range(len(ins)))
    attributes = f"{{indexing_maps = [{maps}], iterator_types = [{iterators}]}}"
    return f"""{_filled(name, shape)}  {name} = linalg.generic {attributes}
      ins({operands} : {types}) outs({name}_init : {_type(shape)}) {{
  ^bb0({arguments}, %o: f32):
    {body}
    linalg.yield %y : f32
  }} -> {_type(shape)}
"""


def _padded(name: str, value: str, shape: Shape) -> str:
    """By one on both sides of the last two dimensions."""
    outer = tuple(size + 2 * (place >= len(shape) - 2) for place, size in enumerate(shape))
    edge = "[0, 0, 1, 1]"
    return f"""  {name} = tensor.pad {value} low{edge} high{edge} {{
  ^bb0(%i0: index, %i1: index, %i2: index, %i3: index):
    tensor.yield %zero : f32
  }} : {_type(shape)} to {_type(outer)}
"""


def _transposed(name: str, value: str, before: Shape, permutation: Sequence[int]) -> str:
    after = tuple(before[place] for place in permutation)
    return f"""  {name}_empty = tensor.empty() : {_type(after)}
  {name} = linalg.transpose ins({value} : {_type(before)}) outs({name}_empty : {_type(after)})
      permutation = {list(permutation)}
"""


def _convolution(name: str, value: str, filters: str, ins: Shape, outs: Shape, window: int = 3) -> str:
    """Channels first. `ins`: the shape with padding."""
    attributes = "{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}"
    weights = (outs[1], ins[1], window, window)
    found = _named(name, "conv_2d_nchw_fchw", [(value, ins), (filters, weights)], outs, attributes)
    return _weights(filters, weights) + found


def _function(arguments: Sequence[Shape], result: str, shape: Shape, *body: str) -> str:
    taken = ", ".join(f"%x{place}: {_type(of)}" for place, of in enumerate(arguments))
    return f"""func.func @model({taken}) -> {_type(shape)} {{
  %zero = arith.constant 0.0 : f32
{"".join(body)}  return {result} : {_type(shape)}
}}
"""


_ADD = "%y = arith.addf %0, %o : f32"
_EXP = "%y = math.exp %0 : f32"
_RELU = "%y = arith.maximumf %0, %zero : f32"
_UNIT = "{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}"


def _silu(name: str, value: str, shape: Shape) -> str:
    """x * exp(-x), in two ops: %x has two users."""
    return _generic(
        f"{name}_exp", [(value, shape)], shape, len(shape), "%n = arith.negf %0 : f32\n    %y = math.exp %n : f32"
    ) + _generic(name, [(value, shape), (f"{name}_exp", shape)], shape, len(shape), "%y = arith.mulf %0, %1 : f32")


_IMAGE, _PADDED, _FEATURES = (1, 16, 14, 14), (1, 16, 16, 16), (1, 32, 14, 14)

MODELS = {
    "convolution": _function([_PADDED], "%c", _FEATURES, _convolution("%c", "%x0", "%f", _PADDED, _FEATURES)),
    "matmul": _function(
        [(67, 131), (131, 93)],
        "%c",
        (67, 93),
        _named("%c", "matmul", [("%x0", (67, 131)), ("%x1", (131, 93))], (67, 93)),
    ),
    "dense": _function(
        [(48, 64)],
        "%r",
        (48, 96),
        _weights("%w", (64, 96)),
        _named("%c", "matmul", [("%x0", (48, 64)), ("%w", (64, 96))], (48, 96)),
        _generic("%r", [("%c", (48, 96))], (48, 96), 2, _RELU),
    ),
    "padded chain": _function(
        [_IMAGE],
        "%r2",
        _FEATURES,
        _padded("%p1", "%x0", _IMAGE),
        _convolution("%c1", "%p1", "%f1", _PADDED, _FEATURES),
        _generic("%r1", [("%c1", _FEATURES)], _FEATURES, 4, _RELU),
        _padded("%p2", "%r1", _FEATURES),
        _convolution("%c2", "%p2", "%f2", (1, 32, 16, 16), _FEATURES),
        _generic("%r2", [("%c2", _FEATURES)], _FEATURES, 4, _RELU),
    ),
    "residual": _function(
        [_PADDED],
        "%s",
        _FEATURES,
        _convolution("%c1", "%x0", "%f1", _PADDED, _FEATURES),
        _silu("%a", "%c1", _FEATURES),
        _convolution("%c2", "%a", "%f2", _FEATURES, _FEATURES, window=1),
        _generic("%s", [("%c2", _FEATURES), ("%a", _FEATURES)], _FEATURES, 4, "%y = arith.addf %0, %1 : f32"),
    ),
    "transposed convolution": _function(
        [(1, 16, 16, 16)],
        "%t",
        (1, 14, 14, 32),
        _transposed("%n", "%x0", (1, 16, 16, 16), (0, 3, 1, 2)),
        _convolution("%c", "%n", "%f", _PADDED, _FEATURES),
        _generic("%r", [("%c", _FEATURES)], _FEATURES, 4, _RELU),
        _transposed("%t", "%r", _FEATURES, (0, 2, 3, 1)),
    ),
    "transposed matmul": _function(
        [(48, 64), (96, 64)],
        "%r",
        (96, 48),
        _transposed("%w", "%x1", (96, 64), (1, 0)),
        _named("%c", "matmul", [("%x0", (48, 64)), ("%w", (64, 96))], (48, 96)),
        _transposed("%t", "%c", (48, 96), (1, 0)),
        _generic("%r", [("%t", (96, 48))], (96, 48), 2, _EXP),
    ),
    "concatenation": _function(
        [(48, 64), (48, 32)],
        "%c",
        (48, 96),
        _generic("%a", [("%x0", (48, 64))], (48, 64), 2, _EXP),
        _generic("%b", [("%x1", (48, 32))], (48, 32), 2, "%y = math.sqrt %0 : f32"),
        f"  %c = tensor.concat dim(1) %a, %b : ({_type((48, 64))}, {_type((48, 32))}) -> {_type((48, 96))}\n",
    ),
    "sum": _function([(8, 4096)], "%s", (8,), _generic("%s", [("%x0", (8, 4096))], (8,), 2, _ADD)),
    "attention": _function(
        [(48, 64), (64, 96)],
        "%n",
        (48, 96),
        _named("%c", "matmul", [("%x0", (48, 64)), ("%x1", (64, 96))], (48, 96)),
        _generic("%e", [("%c", (48, 96))], (48, 96), 2, _EXP),
        _generic("%s", [("%e", (48, 96))], (48,), 2, _ADD),
        _generic("%n", [("%e", (48, 96)), ("%s", (48,))], (48, 96), 2, "%y = arith.divf %0, %1 : f32"),
    ),
    "depthwise convolution": _function(
        [(1, 16, 18, 18)],
        "%c",
        (1, 16, 16, 16),
        _weights("%f", (16, 3, 3)),
        _named(
            "%c", "depthwise_conv_2d_nchw_chw", [("%x0", (1, 16, 18, 18)), ("%f", (16, 3, 3))], (1, 16, 16, 16), _UNIT
        ),
    ),
    "batch matmul": _function(
        [(4, 24, 32), (4, 32, 48)],
        "%c",
        (4, 24, 48),
        _named("%c", "batch_matmul", [("%x0", (4, 24, 32)), ("%x1", (4, 32, 48))], (4, 24, 48)),
    ),
}

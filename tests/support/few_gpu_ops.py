# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of few ops in half precision, as text: what choices of flags act on when they are compiled for a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Shape = tuple[int, ...]


def _type(shape: Shape, element: str = "f16") -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def _map(dims: int, loops: Iterable[int]) -> str:
    return (
        f"affine_map<({', '.join(f'd{loop}' for loop in range(dims))}) -> ({', '.join(f'd{loop}' for loop in loops)})>"
    )


def _zeros(name: str, shape: Shape) -> str:
    return f"""  {name}_empty = tensor.empty() : {_type(shape, "f32")}
  {name}_init = linalg.fill ins(%zero : f32) outs({name}_empty : {_type(shape, "f32")}) -> {_type(shape, "f32")}
"""


def _product(name: str, lhs: tuple[str, Shape], rhs: tuple[str, Shape], op: str = "matmul") -> str:
    """A product, summed in f32 and narrowed to f16, in two ops."""
    (left, rows), (right, columns) = lhs, rhs
    shape = (*rows[:-1], columns[-1])
    sums = _type(shape, "f32")
    return f"""{_zeros(name, shape)}  {name}_sums = linalg.{op} ins({left}, {right} : {_type(rows)}, {_type(columns)})
      outs({name}_init : {sums}) -> {sums}
{_narrow(name, f"{name}_sums", shape)}"""


def _narrow(name: str, value: str, shape: Shape) -> str:
    return _elementwise(name, [(value, shape, "f32")], shape, "%y = arith.truncf %0 : f32 to f16")


def _elementwise(name: str, ins: Sequence[tuple[str, Shape, str]], shape: Shape, body: str) -> str:
    """In f16. An operand of fewer dimensions lacks the last ones. `body` makes %y of %0, %1 ..."""
    dims = len(shape)
    maps = ", ".join(_map(dims, range(len(of))) for of in (*(of for _, of, _ in ins), shape))
    types = ", ".join(_type(of, element) for _, of, element in ins)
    arguments = ", ".join(f"%{place}: {element}" for place, (_, _, element) in enumerate(ins))
    return f"""  {name}_to = tensor.empty() : {_type(shape)}
  {name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{", ".join(['"parallel"'] * dims)}]}}
      ins({", ".join(value for value, _, _ in ins)} : {types}) outs({name}_to : {_type(shape)}) {{
  ^bb0({arguments}, %unused: f16):
    {body}
    linalg.yield %y : f16
  }} -> {_type(shape)}
"""


def _row_sums(name: str, value: str, shape: Shape) -> str:
    """The sums of the last dimension in f32."""
    outs = _type(shape[:-1], "f32")
    maps = f"{_map(len(shape), range(len(shape)))}, {_map(len(shape), range(len(shape) - 1))}"
    iterators = ", ".join(['"parallel"'] * (len(shape) - 1) + ['"reduction"'])
    attributes = f"{{indexing_maps = [{maps}], iterator_types = [{iterators}]}}"
    return f"""{_zeros(name, shape[:-1])}  {name} = linalg.generic {attributes}
      ins({value} : {_type(shape)}) outs({name}_init : {outs}) {{
  ^bb0(%0: f16, %o: f32):
    %1 = arith.extf %0 : f16 to f32
    %y = arith.addf %1, %o : f32
    linalg.yield %y : f32
  }} -> {outs}
"""


def _heads(name: str, value: str, permutation: Sequence[int]) -> str:
    """Rows of all heads as rows of each head, transposed: [ROWS, WIDTH] to [ROWS, HEADS, WIDTH / HEADS] and on."""
    split = (_ROWS, _HEADS, _WIDTH // _HEADS)
    after = tuple(split[place] for place in permutation)
    return f"""  {name}_split = tensor.expand_shape {value} [[0], [1, 2]] output_shape {list(split)}
      : {_type((_ROWS, _WIDTH))} into {_type(split)}
  {name}_to = tensor.empty() : {_type(after)}
  {name} = linalg.transpose ins({name}_split : {_type(split)}) outs({name}_to : {_type(after)})
      permutation = {list(permutation)}
"""


def _function(arguments: Sequence[Shape], result: str, shape: Shape, *body: str) -> str:
    taken = ", ".join(f"%x{place}: {_type(of)}" for place, of in enumerate(arguments))
    return f"""func.func @model({taken}) -> {_type(shape)} {{
  %zero = arith.constant 0.0 : f32
{"".join(body)}  return {result} : {_type(shape)}
}}
"""


def _collapsed(name: str, value: str, shape: Shape) -> str:
    """Without the first dimension, which is 1."""
    return f"""  {name} = tensor.collapse_shape {value} [[0, 1], [2]] : {_type(shape)} into {_type(shape[1:])}
"""


def _expanded(name: str, value: str, shape: Shape) -> str:
    """With a first dimension of 1."""
    return f"""  {name} = tensor.expand_shape {value} [[0, 1], [2]] output_shape {[1, *shape]}
      : {_type(shape)} into {_type((1, *shape))}
"""


_ROWS, _WIDTH, _HEADS = 64, 128, 2
_X, _W, _EACH = (_ROWS, _WIDTH), (_WIDTH, _WIDTH), (_HEADS, _ROWS, _WIDTH // _HEADS)
_SCORES, _BATCH = (_HEADS, _ROWS, _ROWS), (1, _ROWS, _WIDTH)


def _scaled(name: str, value: str, sums: str, shape: Shape) -> str:
    """Rows divided by their sums."""
    body = "%narrow = arith.truncf %1 : f32 to f16\n    %y = arith.divf %0, %narrow : f16"
    return _elementwise(name, [(value, shape, "f16"), (sums, shape[:-1], "f32")], shape, body)


def _sum(name: str, first: str, second: str, shape: Shape) -> str:
    return _elementwise(name, [(first, shape, "f16"), (second, shape, "f16")], shape, "%y = arith.addf %0, %1 : f16")


MODELS = {
    "product": _function([_X, _W], "%c", _X, _product("%c", ("%x0", _X), ("%x1", _W))),
    # A layer of attention: three products of one operand, heads, scores, softmax.
    "attention": _function(
        [_X, _W, _W, _W],
        "%o",
        _EACH,
        _product("%q", ("%x0", _X), ("%x1", _W)),
        _product("%k", ("%x0", _X), ("%x2", _W)),
        _product("%v", ("%x0", _X), ("%x3", _W)),
        _heads("%qh", "%q", (1, 0, 2)),
        _heads("%kh", "%k", (1, 2, 0)),
        _heads("%vh", "%v", (1, 0, 2)),
        _product("%s", ("%qh", _EACH), ("%kh", (_HEADS, _WIDTH // _HEADS, _ROWS)), "batch_matmul"),
        _elementwise("%e", [("%s", _SCORES, "f16")], _SCORES, "%y = math.exp %0 : f16"),
        _row_sums("%t", "%e", _SCORES),
        _scaled("%p", "%e", "%t", _SCORES),
        _product("%o", ("%p", _SCORES), ("%vh", _EACH), "batch_matmul"),
    ),
    # A norm, a product of it, and what was before added to that, norm again.
    "residual": _function(
        [_BATCH, _W, _W],
        "%z",
        _BATCH,
        _row_sums("%t", "%x0", _BATCH),
        _scaled("%n", "%x0", "%t", _BATCH),
        _collapsed("%f", "%n", _BATCH),
        _product("%c", ("%f", _X), ("%x1", _W)),
        _expanded("%g", "%c", _X),
        _sum("%r", "%x0", "%g", _BATCH),
        _row_sums("%u", "%r", _BATCH),
        _scaled("%m", "%r", "%u", _BATCH),
        _collapsed("%h", "%m", _BATCH),
        _product("%d", ("%h", _X), ("%x2", _W)),
        _expanded("%i", "%d", _X),
        _sum("%z", "%r", "%i", _BATCH),
    ),
}

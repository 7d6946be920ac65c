# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of models as text, right and with one planted fault: products, convolutions, attention, layer norms.

Every layer ends in an op that knows where its element lies, so that a fault can spoil single elements. A fault leaves
every operand in use, or else a dispatch would have other bindings: what is zeros or NaN keeps its last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

NO_FAULT = ""
# What a layer computes wrongly, by name. SPLIT is none: the sum is held in two halves, and they are added.
FAULTS = {
    "tile": "a 16x16 tile of the output is 0",
    "sum": "1/16 of a sum is left out",
    "element": "one element is off by the RMS of the output or more",
    "accumulator": "the sum starts with a number of its own size instead of 0",
    "bias": "what is added at the end is left out",
    "relu": "negative numbers stay",
    "scale": "a scale is wrong by 2",
    "zeros": "the output is 0",
    "NaN": "the output is NaN",
}
SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Kind:
    """Element types: of the operands, of the sums and of the outputs."""

    name: str
    element: str
    sums: str
    output: str

    @property
    def is_float(self) -> bool:
        """Whether it is a kind of floats."""
        return self.element.startswith(("f", "b"))


KINDS = {
    each.name: each
    for each in (
        Kind("f32", "f32", "f32", "f32"),
        Kind("f16", "f16", "f16", "f16"),
        Kind("f16 summed in f32", "f16", "f32", "f16"),
        Kind("bf16", "bf16", "bf16", "bf16"),
        Kind("bf16 summed in f32", "bf16", "f32", "bf16"),
        Kind("f8E4M3FN summed in f32", "f8E4M3FN", "f32", "f8E4M3FN"),
        Kind("f8E5M2 summed in f32", "f8E5M2", "f32", "f8E5M2"),
        Kind("i8 summed in i32", "i8", "i32", "i32"),
        Kind("i8 requantised", "i8", "i32", "i8"),
    )
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the text: its name, shape and element type."""

    name: str
    shape: tuple[int, ...]
    element: str

    @property
    def type(self) -> str:
        """As MLIR writes it."""
        return f"tensor<{'x'.join(map(str, self.shape))}x{self.element}>"


class Text:
    """Ops of one function, each line as it is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0

    def name(self) -> str:
        """A name that no value has."""
        self._count += 1
        return f"%v{self._count}"

    def op(self, text: str) -> str:
        """Writes an op of one result, and returns its name."""
        name = self.name()
        self.lines.append(f"{name} = {text}")
        return name

    def constant(self, value: float, element: str) -> str:
        """A scalar."""
        if element.startswith(("i", "index")):
            return self.op(f"arith.constant {int(value)} : {element}")
        special = {"nan": {"f32": "0x7FC00000", "f16": "0x7E00", "bf16": "0x7FC0"}}
        text = special["nan"].get(element, "0x7F") if value != value else f"{value:e}"
        return self.op(f"arith.constant {text} : {element}")

    def empty(self, shape: Sequence[int], element: str) -> Tensor:
        """A tensor of nothing yet."""
        empty = Tensor("", tuple(shape), element)
        return replace(empty, name=self.op(f"tensor.empty() : {empty.type}"))

    def filled(self, shape: Sequence[int], element: str, value: float) -> Tensor:
        """A tensor of one number."""
        scalar, empty = self.constant(value, element), self.empty(shape, element)
        text = f"linalg.fill ins({scalar} : {element}) outs({empty.name} : {empty.type}) -> {empty.type}"
        return replace(empty, name=self.op(text))

    def generic(
        self,
        loops: str,
        inputs: Sequence[tuple[Tensor, str]],
        out: Tensor,
        out_map: str,
        body: Callable[[Body], str],
    ) -> Tensor:
        """A `linalg.generic`. `loops`: p or r for each of the loops, named a, b, c and so on in the maps."""
        names = ", ".join("abcdefgh"[: len(loops)])
        maps = ", ".join(f"affine_map<({names}) -> ({each})>" for each in (*(m for _, m in inputs), out_map))
        kinds = ", ".join('"parallel"' if each == "p" else '"reduction"' for each in loops)
        operands = ", ".join(each.name for each, _ in inputs)
        types = ", ".join(each.type for each, _ in inputs)
        arguments = [(self.name(), each.element) for each in (*(tensor for tensor, _ in inputs), out)]
        result = self.name()
        self.lines += [
            f"{result} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}",
            f"  ins({operands} : {types}) outs({out.name} : {out.type}) {{",
            f"^bb0({', '.join(f'{name}: {element}' for name, element in arguments)}):",
        ]
        yielded = body(Body(self, [name for name, _ in arguments]))
        self.lines += [f"linalg.yield {yielded} : {out.element}", f"}} -> {out.type}"]
        return replace(out, name=result)


class Body:
    """The scalars of an op's body: its operands, and what is made of them."""

    def __init__(self, text: Text, operands: list[str]) -> None:
        self.text, self.operands = text, operands

    def converted(self, value: str, source: str, target: str) -> str:
        """A number in another type; rounded to the nearest and kept in range if that is i8 and the number is not."""
        if source == target:
            return value
        if source.startswith("i") and target.startswith("i"):
            op = "arith.extsi" if int(source[1:]) < int(target[1:]) else "arith.trunci"
            return self.text.op(f"{op} {value} : {source} to {target}")
        if source.startswith("i"):
            return self.text.op(f"arith.sitofp {value} : {source} to {target}")
        if target.startswith("i"):
            rounded = self.text.op(f"math.roundeven {value} : {source}")
            low, high = (self.text.constant(each, source) for each in (-127.0, 127.0))
            bounded = self.text.op(f"arith.maximumf {rounded}, {low} : {source}")
            bounded = self.text.op(f"arith.minimumf {bounded}, {high} : {source}")
            return self.text.op(f"arith.fptosi {bounded} : {source} to {target}")
        op = "arith.extf" if _bits(source) < _bits(target) else "arith.truncf"
        return self.text.op(f"{op} {value} : {source} to {target}")

    def calc(self, op: str, left: str, right: str, element: str) -> str:
        """`add`, `sub`, `mul`, `max` or `div` of two numbers."""
        suffix = {"max": "imumf"}.get(op, "f") if not element.startswith("i") else {"max": "si"}.get(op, "i")
        return self.text.op(f"arith.{op}{suffix} {left}, {right} : {element}")

    def calc_operands(self, op: str, element: str) -> str:
        """As `calc`, of the first two operands."""
        return self.calc(op, self.operands[0], self.operands[1], element)

    def compared(self, how: str, loop: int, bound: int) -> str:
        """Whether a loop's index is `ult`, `uge` or `eq` to a bound."""
        index = self.text.op(f"linalg.index {loop} : index")
        limit = self.text.constant(bound, "index")
        return self.text.op(f"arith.cmpi {how}, {index}, {limit} : index")

    def both(self, conditions: Sequence[str]) -> str:
        """Whether all hold."""
        first, *others = conditions
        for each in others:
            first = self.text.op(f"arith.andi {first}, {each} : i1")
        return first

    def select(self, condition: str, value: str, other: str, element: str) -> str:
        """The value if the condition holds, else the other."""
        return self.text.op(f"arith.select {condition}, {value}, {other} : {element}")


def _bits(element: str) -> int:
    return 16 if element == "bf16" else 8 if element.startswith("f8") else int(element[1:])


def spoilt(body: Body, value: str, element: str, shape: Sequence[int], fault: str, off: float) -> str:
    """An element of a layer's output as a fault of single elements leaves it."""
    rows, columns = len(shape) - 2, len(shape) - 1
    outer = [body.compared("eq", loop, min(1, shape[loop] - 1)) for loop in range(rows)]
    match fault:
        case "tile":
            where = [body.compared("ult", loop, 16) for loop in (rows, columns)]
            return body.select(body.both([*outer, *where]), body.text.constant(0, element), value, element)
        case "element":
            where = [body.compared("eq", loop, at) for loop, at in ((rows, 3), (columns, 5))]
            wrong = body.calc("add", value, body.text.constant(off, element), element)
            return body.select(body.both([*outer, *where]), wrong, value, element)
        case "zeros" | "NaN":
            constant = body.text.constant(0 if fault == "zeros" else float("nan"), element)
            return body.select(body.compared("ult", rows, shape[rows] - 1), constant, value, element)
    return value


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of products: its loops and maps as in `Text.generic`, the last of the loops being the sum's own.

    `extent` is that loop's, `stale` a number as large as the sums are.
    """

    loops: str
    left_map: str
    right_map: str
    out_map: str
    extent: int
    stale: float


def summed(text: Text, left: Tensor, right: Tensor, shape: Sequence[int], kind: Kind, of: Sum, fault: str) -> Tensor:
    """The products summed, in the kind's type of sums."""
    halves = (("ult", of.extent // 2), ("uge", of.extent // 2))
    parts = halves if fault == SPLIT else ((("ult", of.extent - of.extent // 16),) if fault == "sum" else (None,))
    found: Tensor | None = None
    for part in parts:
        start = text.filled(shape, kind.sums, of.stale if fault == "accumulator" else 0)

        def body(b: Body, part: tuple[str, int] | None = part) -> str:
            a, c = (b.converted(each, kind.element, kind.sums) for each in b.operands[:2])
            total = b.calc("add", b.operands[2], b.calc("mul", a, c, kind.sums), kind.sums)
            if part is None:
                return total
            return b.select(b.compared(part[0], len(of.loops) - 1, part[1]), total, b.operands[2], kind.sums)

        half = text.generic(of.loops, ((left, of.left_map), (right, of.right_map)), start, of.out_map, body)
        found = half if found is None else added(text, found, half)
    assert found is not None
    return found


def added(text: Text, one: Tensor, other: Tensor) -> Tensor:
    """The sum of two tensors of a shape."""
    loops, names = "p" * len(one.shape), ", ".join("abcdefgh"[: len(one.shape)])
    empty = text.empty(one.shape, one.element)
    return text.generic(
        loops, ((one, names), (other, names)), empty, names, lambda b: b.calc_operands("add", one.element)
    )


def epilogue(text: Text, sums: Tensor, bias: Tensor, kind: Kind, scale: float, off: float, fault: str) -> Tensor:
    """relu(scale * sums + bias) in the kind's output type; `off` is at least the output's RMS."""
    shape, names = sums.shape, ", ".join("abcdefgh"[: len(sums.shape)])
    if kind.output == kind.sums and not kind.is_float:
        scale = 2
    element = "f32" if not kind.is_float and kind.output == "i8" else kind.sums
    out = text.empty(shape, kind.output)

    def body(b: Body) -> str:
        value = b.converted(b.operands[0], kind.sums, element)
        factor = b.text.constant(scale * 2 if fault == "scale" else scale, element)
        value = b.calc("mul", value, factor, element)
        with_bias = b.calc("add", value, b.converted(b.operands[1], kind.element, element), element)
        if fault == "bias":
            with_bias = b.select(b.compared("ult", len(shape) - 2, shape[-2] - 1), value, with_bias, element)
        if fault != "relu":
            with_bias = b.calc("max", with_bias, b.text.constant(0, element), element)
        return spoilt(b, b.converted(with_bias, element, kind.output), kind.output, shape, fault, off)

    return text.generic("p" * len(shape), ((sums, names), (bias, "abcdefgh"[len(shape) - 1])), out, names, body)


def product(text: Text, x: Tensor, weights: Sequence[Tensor], kind: Kind, fault: str) -> Tensor:
    """relu(scale * x W + bias)."""
    weight, bias = weights
    (m, k), n = x.shape, weight.shape[1]
    of = Sum("ppr", "a, c", "c, b", "a, b", k, 64 if not kind.is_float else 4)
    sums = summed(text, x, weight, (m, n), kind, of, fault)
    return epilogue(text, sums, bias, kind, *_scale_and_off(kind), fault)


def convolution(text: Text, x: Tensor, weights: Sequence[Tensor], kind: Kind, fault: str) -> Tensor:
    """relu(scale * convolution + bias), channels last, windows of 3x3 inside the image.

    For one image the compiler (3.13) takes that loop away and gives it back without renumbering `linalg.index`.
    """
    weight, bias = weights
    batch, height, width, channels = x.shape
    shape = (batch, height - 2, width - 2, weight.shape[3])
    of = Sum("pppprrr", "a, b + e, c + f, g", "e, f, g, d", "a, b, c, d", channels, 64 if not kind.is_float else 4)
    sums = summed(text, x, weight, shape, kind, of, fault)
    return epilogue(text, sums, bias, kind, *_scale_and_off(kind), fault)


def _scale_and_off(kind: Kind) -> tuple[float, float]:
    """A power of two that keeps outputs as large as inputs, and an error of the outputs' size."""
    if kind.is_float:
        return 0.25, 2.0
    return (2, 256) if kind.output == "i32" else (2.0**-5, 4)


def attention(text: Text, x: Tensor, weights: Sequence[Tensor], kind: Kind, fault: str) -> Tensor:
    """softmax(x keys' / 8) values, written out; outputs are in the operands' type."""
    keys, values = weights
    (m, d), n = x.shape, keys.shape[0]
    scores = summed(text, x, keys, (m, n), kind, Sum("ppr", "a, c", "b, c", "a, b", d, 4), NO_FAULT)
    scaled = mapped(text, scores, lambda b, value: _scaled(b, value, kind.sums, 0.25 if fault == "scale" else 0.125))
    parts = softmax(text, scaled, kind)
    shape = m, values.shape[1]
    sums = summed(text, parts, values, shape, kind, Sum("ppr", "a, c", "c, b", "a, b", n, 0.125), fault)

    def last(b: Body, value: str) -> str:
        return spoilt(b, b.converted(value, kind.sums, kind.output), kind.output, shape, fault, 0.5)

    return mapped(text, sums, last, kind.output)


def softmax(text: Text, x: Tensor, kind: Kind) -> Tensor:
    """Along rows, in the kind's type of sums and then narrowed to that of its operands."""
    rows, _ = x.shape
    start = text.filled((rows,), kind.sums, -1e4)
    top = text.generic("pr", ((x, "a, b"),), start, "a", lambda b: b.calc_operands("max", kind.sums))
    empty = text.empty(x.shape, kind.sums)

    def power(b: Body) -> str:
        return b.text.op(f"math.exp {b.calc_operands('sub', kind.sums)} : {kind.sums}")

    powers = text.generic("pp", ((x, "a, b"), (top, "a")), empty, "a, b", power)
    zero = text.filled((rows,), kind.sums, 0)
    total = text.generic("pr", ((powers, "a, b"),), zero, "a", lambda b: b.calc_operands("add", kind.sums))

    def part(b: Body) -> str:
        return b.converted(b.calc_operands("div", kind.sums), kind.sums, kind.element)

    return text.generic("pp", ((powers, "a, b"), (total, "a")), text.empty(x.shape, kind.element), "a, b", part)


def _scaled(body: Body, value: str, element: str, scale: float) -> str:
    return body.calc("mul", value, body.text.constant(scale, element), element)


def mapped(text: Text, x: Tensor, change: Callable[[Body, str], str], element: str = "") -> Tensor:
    """Each element changed, and perhaps of another type."""
    names = ", ".join("abcdefgh"[: len(x.shape)])
    out = text.empty(x.shape, element or x.element)
    return text.generic("p" * len(x.shape), ((x, names),), out, names, lambda b: change(b, b.operands[0]))


def layer_norm(text: Text, x: Tensor, weights: Sequence[Tensor], kind: Kind, fault: str) -> Tensor:
    """(x - mean) / sqrt(variance) * gamma + beta along rows."""
    gamma, beta = weights
    rows, columns = x.shape
    zero = text.filled((rows,), kind.sums, 0)
    stale = text.filled((rows,), kind.sums, columns / 4 if fault == "accumulator" else 0)

    def kept(b: Body, total: str, old: str, half: str = "") -> str:
        if half:
            return b.select(b.compared(half, 1, columns // 2), total, old, kind.sums)
        if fault != "sum":
            return total
        return b.select(b.compared("ult", 1, columns - columns // 16), total, old, kind.sums)

    def of_sum(b: Body) -> str:
        value = b.converted(b.operands[0], kind.element, kind.sums)
        return kept(b, b.calc("add", b.operands[1], value, kind.sums), b.operands[1])

    def centred(b: Body, value: str, total: str) -> str:
        mean = b.calc("mul", total, b.text.constant(1 / columns, kind.sums), kind.sums)
        return b.calc("sub", b.converted(value, kind.element, kind.sums), mean, kind.sums)

    def of_squares(b: Body, half: str = "") -> str:
        distance = centred(b, b.operands[0], b.operands[1])
        square = b.calc("mul", distance, distance, kind.sums)
        return kept(b, b.calc("add", b.operands[2], square, kind.sums), b.operands[2], half)

    def added(b: Body) -> str:
        return b.calc("add", b.operands[0], b.operands[1], kind.sums)

    def summed(half: str = "") -> Tensor:
        return text.generic("pr", ((x, "a, b"), (total, "a")), stale, "a", partial(of_squares, half=half))

    total = text.generic("pr", ((x, "a, b"),), zero, "a", of_sum)
    if fault == SPLIT:
        parts = ((summed("ult"), "a"), (summed("uge"), "a"))
        squares = text.generic("p", parts, text.empty((rows,), kind.sums), "a", added)
    else:
        squares = summed()
    out = text.empty(x.shape, kind.output)

    def body(b: Body) -> str:
        value, total, square, *parameters = b.operands[:5]
        scale = 2 / columns if fault == "scale" else 1 / columns
        variance = b.calc("mul", square, b.text.constant(scale, kind.sums), kind.sums)
        variance = b.calc("add", variance, b.text.constant(1e-3, kind.sums), kind.sums)
        root = b.text.op(f"math.rsqrt {variance} : {kind.sums}")
        scaled = b.calc("mul", centred(b, value, total), root, kind.sums)
        factor, shift = (b.converted(each, kind.element, kind.sums) for each in parameters)
        scaled = b.calc("mul", scaled, factor, kind.sums)
        shifted = b.calc("add", scaled, shift, kind.sums)
        if fault == "bias":
            shifted = b.select(b.compared("ult", 0, rows - 1), scaled, shifted, kind.sums)
        return spoilt(b, b.converted(shifted, kind.sums, kind.output), kind.output, x.shape, fault, 1.0)

    operands = ((x, "a, b"), (total, "a"), (squares, "a"), (gamma, "b"), (beta, "b"))
    return text.generic("pp", operands, out, "a, b", body)


@dataclass(frozen=True, slots=True)
class Family:
    """A form of layer: how it is written, the shapes of its operands (x first), and the faults that it can have."""

    name: str
    write: Callable[[Text, Tensor, Sequence[Tensor], Kind, str], Tensor]
    shapes: tuple[tuple[int, ...], ...]
    faults: tuple[str, ...]
    of_integers: bool = False

    def faults_in(self, kind: Kind) -> tuple[str, ...]:
        """Those that such a kind can have: integers are never NaN."""
        return tuple(each for each in self.faults if kind.is_float or each != "NaN")


FAMILIES = {
    each.name: each
    for each in (
        Family("products", product, ((48, 128), (128, 128), (128,)), tuple(FAULTS), of_integers=True),
        Family("convolutions", convolution, ((2, 8, 22, 32), (3, 3, 32, 32), (32,)), tuple(FAULTS), of_integers=True),
        Family(
            "attention",
            attention,
            ((48, 64), (64, 64), (64, 64)),
            tuple(each for each in FAULTS if each not in ("bias", "relu")),
        ),
        Family(
            "layer norms", layer_norm, ((48, 256), (256,), (256,)), tuple(each for each in FAULTS if each != "relu")
        ),
    )
}


def dispatch(family: Family, kind: Kind, fault: str, name: str) -> str:
    """A function whose one layer is one dispatch."""
    text = Text()
    arguments = [Tensor(f"%a{index}", shape, kind.element) for index, shape in enumerate(family.shapes)]
    if kind.output == "i32":
        arguments[-1] = replace(arguments[-1], element="i8")
    result = family.write(text, arguments[0], arguments[1:], kind, fault)
    body = "\n    ".join(text.lines)
    return f"""
func.func @{name}({", ".join(f"{each.name}: {each.type}" for each in arguments)}) -> {result.type} {{
  %out = flow.dispatch.region -> ({result.type}) {{
    {body}
    flow.return {result.name} : {result.type}
  }}
  return %out : {result.type}
}}
"""


def stacked(family: Family, kind: Kind, fault: str, name: str, *, layers: int = 3, upcast: bool = False) -> str:
    """A model of several such layers, the second of which has the fault; with `upcast` all is computed in f32."""
    text = Text()
    outside, inside = kind.element, "f32" if upcast else kind.element
    made = KINDS["f32"] if upcast else kind
    x = Tensor("%x", family.shapes[0], outside)
    weights = [
        [Tensor(f"%w{layer}_{index}", shape, outside) for index, shape in enumerate(family.shapes[1:])]
        for layer in range(layers)
    ]
    arguments = [x, *(each for of_layer in weights for each in of_layer)]

    def cast(tensor: Tensor, element: str) -> Tensor:
        if tensor.element == element:
            return tensor
        return mapped(text, tensor, lambda b, value: b.converted(value, tensor.element, element), element)

    value = cast(x, inside)
    for layer, of_layer in enumerate(weights):
        operands = [cast(each, inside) for each in of_layer]
        last = layer == layers - 1
        of_kind = made if last or kind.output != "i32" else KINDS["i8 requantised"]
        value = family.write(text, value, operands, of_kind, fault if layer == 1 or fault == SPLIT else NO_FAULT)
    value = cast(value, kind.output)
    return (
        f"func.func @{name}({', '.join(f'{each.name}: {each.type}' for each in arguments)}) -> {value.type} {{\n  "
        + "\n  ".join(text.lines)
        + f"\n  return {value.name} : {value.type}\n}}\n"
    )

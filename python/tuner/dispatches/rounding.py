# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads from a dispatch's IR how rounding can affect its outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Arithmetic
from tuner.measuring.correctness import epsilon_of

# Ops on floats whose results are exact if their operands are small integers.
_EXACT_FLOAT_OPS = frozenset(
    f"arith.{name}f"
    for name in ("add", "sub", "mul", "neg", "maximum", "minimum", "maxnum", "minnum", "cmp", "ext", "trunc")
) | {"arith.sitofp", "arith.uitofp", "arith.fptosi", "arith.fptoui", "arith.select", "arith.constant", "math.absf"}
_INEXACT_LINALG_OPS = frozenset(
    f"linalg.{name}"
    for name in (
        "softmax",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "tanh",
        "erf",
        "powf",
        "div",
        "reciprocal",
        "round",
        "square",
    )
)
_STRUCTURAL_EXTENSIONS = frozenset({"iree_linalg_ext.pack", "iree_linalg_ext.unpack", "iree_linalg_ext.yield"})
_EXTREMES = frozenset(f"arith.{name}f" for name in ("maximum", "minimum", "maxnum", "minnum"))
# Ops on floats that return an operand, widen it, or narrow it as every program does.
_NEVER_ROUND = _EXTREMES | frozenset(
    f"arith.{name}" for name in ("constant", "select", "extf", "truncf", "bitcast", "negf", "cmpf")
)
# Matrix units sum products of narrow factors with fewer digits than f32 has: of f8 on Hopper with about 14 bits.
# Source: DeepSeek-V3 Technical Report, arXiv 2412.19437, section 3.3.2.
_OF_MATRIX_UNITS = "f16"


def read_arithmetic(function: ir.Operation) -> Arithmetic:
    """What a dispatch function computes with: its longest sum, the types, and whether small integers stay exact."""
    ops: list[ir.Operation] = []

    def visit(op: ir.Operation) -> ir.WalkResult:
        ops.append(op)
        return ir.WalkResult.ADVANCE

    function.walk(visit)
    sums = [(op, terms) for op in ops if (terms := _terms(op)) > 1]
    rounded_to = {name for op in ops for name in _rounded_to(op)}
    held = {name for op, _ in sums for name in _float_types(op.results)}
    is_exact = len(sums) <= 1 and all(_is_exact(op, has_sums=bool(sums)) for op in ops)
    return Arithmetic(
        terms=max((terms for _, terms in sums), default=1),
        accumulator=_least_precise(held or rounded_to),
        narrowest=_least_precise(rounded_to),
        is_exact=is_exact,
    )


def _terms(op: ir.Operation) -> int:
    """How many products a structured op sums into one element; 1 for any other op."""
    if op.name == "linalg.fill" or not op.name.startswith(("linalg.", "iree_linalg_ext.")):
        return 1
    read = native.problem(op)
    if not read.parallel or len(read.parallel) != len(read.loop_sizes):
        return 1
    return math.prod(size or 1 for size, parallel in zip(read.loop_sizes, read.parallel, strict=True) if not parallel)


def _rounded_to(op: ir.Operation) -> Iterable[str]:
    """The float types that an op rounds to, except by narrowing a number, which every program of a dispatch does.

    A structured op computes in its body. If it has none, it may round to the types of its operands as well.
    """
    dialect = op.name.partition(".")[0]
    if dialect in ("arith", "math"):
        if op.name == "arith.mulf" and all(_is_widened(operand) for operand in op.operands):
            return (_OF_MATRIX_UNITS,)
        return () if op.name in _NEVER_ROUND else _float_types(op.results)
    if dialect == "linalg" and op.name != "linalg.softmax":
        return ()
    if dialect in ("linalg", "iree_linalg_ext") and op.name not in _STRUCTURAL_EXTENSIONS:
        return _float_types((*op.operands, *op.results))
    return ()


def _is_widened(value: ir.Value) -> bool:
    return not isinstance(value.owner, ir.Block) and value.owner.name == "arith.extf"


def _is_exact(op: ir.Operation, *, has_sums: bool) -> bool:
    dialect = op.name.partition(".")[0]
    if op.name == "arith.constant":
        return _is_small_power(op.attributes["value"])
    if dialect in ("arith", "math"):
        if not _float_types(op.results) and dialect == "arith":
            return True
        # The largest of many small integers hardly depends on any single one.
        if op.name in _EXTREMES and op.parent is not None and _terms(op.parent.operation) > 1:
            return False
        # Such a product may outgrow its type, and some compilations fuse it with a sum.
        if op.name == "arith.mulf" and has_sums and _stands_beside_a_sum(op):
            return False
        return op.name in _EXACT_FLOAT_OPS
    if dialect == "iree_linalg_ext":
        return op.name in _STRUCTURAL_EXTENSIONS
    return op.name not in _INEXACT_LINALG_OPS


def _stands_beside_a_sum(op: ir.Operation) -> bool:
    """Whether a product is not summed: all loops of its op are parallel."""
    parent = op.parent
    if parent is None or not parent.name.startswith("linalg."):
        return False
    constants = [operand for operand in op.operands if _is_constant(operand)]
    return _terms(parent.operation) == 1 and not constants


def _is_constant(value: ir.Value) -> bool:
    return not isinstance(value.owner, ir.Block) and value.owner.name == "arith.constant"


def _is_small_power(attribute: ir.Attribute) -> bool:
    """Whether a constant is an integer, or a float that scales without rounding: 0, a power of two, or infinite."""
    if isinstance(attribute, ir.DenseElementsAttr):
        if not _named_floats([attribute.type]):
            return True
        return attribute.is_splat and _is_small_power(attribute.get_splat_value())
    if not isinstance(attribute, ir.FloatAttr):
        return not _named_floats([getattr(attribute, "type", None)])
    value = float(attribute.value)
    return value == 0.0 or math.isinf(value) or abs(math.frexp(value)[0]) == 0.5


def _float_types(values: Iterable[ir.Value]) -> set[str]:
    return _named_floats(value.type for value in values)


def _named_floats(types: Iterable[ir.Type | None]) -> set[str]:
    """The float types among these, or among the elements of shaped ones, by MLIR's name."""
    kinds = [kind.maybe_downcast() for kind in types if kind is not None]
    elements = [kind.element_type if isinstance(kind, ir.ShapedType) else kind for kind in kinds]
    return {str(element) for element in elements if isinstance(element, ir.FloatType)}


def _least_precise(names: Iterable[str]) -> str:
    return max(sorted(names), key=epsilon_of, default="")

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates a z3 expression over columns of integers: z3 gives the meaning, numpy does the work.

Integers in z3 have no width. A column that could leave 64 bits is carried on as Python integers, so the
answer is exact for any input. Division and remainder follow SMT-LIB (the remainder is never negative). A division
by zero has no value there: a rule may contain one where it does not matter (`Or(c == 0, 64 % c == 0)`), which is
found out row by row in three-valued logic, and is an error where it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import z3

from tuner.constraints.space import ConstraintError

Column = npt.NDArray[Any]


class Value(NamedTuple):
    """A column, and which of its rows have no value (None: all have one)."""

    column: Column
    undefined: Column | None = None


_INT64_SAFE = float(2**62)


def variables(expression: z3.ExprRef) -> frozenset[str]:
    """The names of the free constants in an expression."""
    names: set[str] = set()
    seen: set[int] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if node.get_id() in seen:
            continue
        seen.add(node.get_id())
        if z3.is_const(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            names.add(node.decl().name())
        stack.extend(node.children())
    return frozenset(names)


def evaluate(expression: z3.ExprRef, columns: Mapping[str, Column]) -> Column:
    """The value of `expression` in each row of `columns` (each of shape [rows] or [1]).

    Raises ConstraintError for an operation outside integer and boolean arithmetic, for a variable without
    a column, and where the value hangs on a division by zero.
    """
    cache: dict[int, Value] = {}

    def visit(node: z3.ExprRef) -> Value:
        key = node.get_id()
        if key not in cache:
            cache[key] = _apply(node, [visit(child) for child in node.children()], columns)
        return cache[key]

    result = visit(expression)
    if result.undefined is not None and result.undefined.any():
        raise ConstraintError(f"'{expression}' divides by zero for some value of its knobs; guard it")
    return result.column


def _apply(node: z3.ExprRef, args: list[Value], columns: Mapping[str, Column]) -> Value:
    if z3.is_int_value(node):
        value = node.as_long()
        return Value(np.array([value], dtype=np.int64 if abs(value) < _INT64_SAFE else object))
    if z3.is_true(node) or z3.is_false(node):
        return Value(np.array([z3.is_true(node)]))
    kind = node.decl().kind()
    if kind == z3.Z3_OP_UNINTERPRETED and not args:
        name = node.decl().name()
        if name not in columns:
            raise ConstraintError(f"a rule speaks of '{name}', which is no knob of this space")
        return Value(columns[name])
    if kind in _LAZY:
        return _LAZY[kind](*args)
    operation = _STRICT.get(kind)
    if operation is None:
        raise ConstraintError(f"'{node.decl().name()}' in '{node}' is not integer or boolean arithmetic")
    undefined = _either(*(arg.undefined for arg in args))
    if kind in (z3.Z3_OP_IDIV, z3.Z3_OP_MOD):
        dividend, divisor = (arg.column for arg in args)
        zero = divisor == 0
        if zero.any():
            undefined = _either(undefined, np.asarray(zero))
            divisor = np.where(zero, 1, divisor)
        return Value(operation(dividend, divisor), undefined)
    return Value(operation(*(arg.column for arg in args)), undefined)


def _either(*masks: Column | None) -> Column | None:
    present = [mask for mask in masks if mask is not None]
    return reduce(np.logical_or, present) if present else None


def _or(*args: Value) -> Value:
    column = reduce(np.logical_or, [_defined(arg) & arg.column for arg in args], np.array([False]))
    undefined = _either(*(arg.undefined for arg in args))
    return Value(column, None if undefined is None else undefined & ~column)


def _not(arg: Value) -> Value:
    return Value(np.logical_not(arg.column), arg.undefined)


def _and(*args: Value) -> Value:
    return _not(_or(*(_not(arg) for arg in args)))


def _if(condition: Value, then: Value, other: Value) -> Value:
    chosen = _either(
        None if then.undefined is None else condition.column & then.undefined,
        None if other.undefined is None else ~condition.column & other.undefined,
    )
    column = np.where(condition.column, then.column, other.column)
    return Value(column, _either(condition.undefined, chosen))


def _defined(value: Value) -> Column:
    return np.array([True]) if value.undefined is None else ~value.undefined


def _magnitude(column: Column) -> float:
    return float(max(abs(column.max()), abs(column.min()))) if column.size else 0.0


def _exact(bound: Callable[[float, float], float], a: Column, b: Column) -> tuple[Column, Column]:
    """Both columns, as Python integers where the result might not fit 64 bits."""
    if a.dtype != object and b.dtype != object:
        if bound(_magnitude(a), _magnitude(b)) < _INT64_SAFE:
            return a, b
        return a.astype(object), b.astype(object)
    return a, b


def _add(a: Column, b: Column) -> Column:
    a, b = _exact(lambda x, y: x + y, a, b)
    return np.asarray(a + b)


def _subtract(a: Column, b: Column) -> Column:
    a, b = _exact(lambda x, y: x + y, a, b)
    return np.asarray(a - b)


def _multiply(a: Column, b: Column) -> Column:
    a, b = _exact(lambda x, y: x * y, a, b)
    return np.asarray(a * b)


def _remainder(a: Column, b: Column) -> Column:
    return np.asarray(np.mod(a, abs(b)))


def _quotient(a: Column, b: Column) -> Column:
    return np.asarray((a - _remainder(a, b)) // b)


def _distinct(*args: Column) -> Column:
    pairs = [args[i] != args[j] for i in range(len(args)) for j in range(i)]
    return reduce(np.logical_and, pairs, np.array([True]))


# Operations whose value can be known though an argument's is not.
_LAZY: dict[int, Callable[..., Value]] = {
    z3.Z3_OP_NOT: _not,
    z3.Z3_OP_AND: _and,
    z3.Z3_OP_OR: _or,
    z3.Z3_OP_IMPLIES: lambda a, b: _or(_not(a), b),
    z3.Z3_OP_ITE: _if,
}

_STRICT: dict[int, Callable[..., Column]] = {
    z3.Z3_OP_ADD: lambda *args: reduce(_add, args),
    z3.Z3_OP_SUB: lambda *args: reduce(_subtract, args),
    z3.Z3_OP_MUL: lambda *args: reduce(_multiply, args),
    z3.Z3_OP_UMINUS: lambda a: np.asarray(-a),
    z3.Z3_OP_IDIV: _quotient,
    z3.Z3_OP_MOD: _remainder,
    z3.Z3_OP_LE: lambda a, b: np.asarray(a <= b),
    z3.Z3_OP_LT: lambda a, b: np.asarray(a < b),
    z3.Z3_OP_GE: lambda a, b: np.asarray(a >= b),
    z3.Z3_OP_GT: lambda a, b: np.asarray(a > b),
    z3.Z3_OP_EQ: lambda a, b: np.asarray(a == b),
    z3.Z3_OP_DISTINCT: _distinct,
    z3.Z3_OP_XOR: lambda a, b: np.logical_xor(a, b),
}

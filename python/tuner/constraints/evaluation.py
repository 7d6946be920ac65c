# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates a z3 expression over columns of integers: z3 gives the meaning, numpy does the work.

Integers in z3 have no width. A column that could leave 64 bits continues as Python integers, so the answer is exact for
any input. Division and remainder follow SMT-LIB (the remainder is never negative). A division by zero has no value.
Three-valued logic finds out for each row whether that matters: in `Or(c == 0, 64 % c == 0)` it does not. If it does, it
is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import z3

from tuner.constraints.errors import ConstraintError

Column = npt.NDArray[Any]


class Value(NamedTuple):
    """A column, and which of its rows have no value (None: all have one)."""

    column: Column
    undefined: Column | None = None


_INT64_SAFE = float(2**62)


def _bare(wrapper: Any) -> Any:
    """z3's C function behind its Python wrapper. The wrapper checks each call for failure; reading cannot fail."""
    *_, bound = wrapper.__defaults__ or (None,)
    return getattr(bound, "f", wrapper)


_get_id, _get_ast_kind = _bare(z3.Z3_get_ast_id), _bare(z3.Z3_get_ast_kind)
_to_app, _get_declaration, _get_kind = _bare(z3.Z3_to_app), _bare(z3.Z3_get_app_decl), _bare(z3.Z3_get_decl_kind)
_count_args, _get_arg = _bare(z3.Z3_get_app_num_args), _bare(z3.Z3_get_app_arg)


class Graph:
    """z3 expressions taken apart once: each distinct node's kind, arguments and variables; a literal's number.

    Nodes are numbered from 0, arguments before the node. Reading z3's nodes is the slow part, so nodes that expressions
    share, as the rules of a space do, are read once.
    """

    def __init__(self) -> None:
        self._roots: list[z3.ExprRef] = []  # Keeps z3's nodes alive, and with them their identifiers.
        self._places: dict[int, int] = {}
        self._steps: list[_Step] = []
        self.kinds: list[int] = []
        self.args: list[tuple[int, ...]] = []
        self.names: list[frozenset[str]] = []
        self.numbers: dict[int, int] = {}

    def add(self, expression: z3.ExprRef) -> int:
        """The number of the node that stands for `expression`."""
        self._roots.append(expression)
        return self._visit(expression.ctx.ref(), expression.as_ast(), expression)

    def _visit(self, context: Any, node: Any, root: z3.ExprRef) -> int:
        key = _get_id(context, node)
        if key in self._places:
            return self._places[key]
        ast_kind = _get_ast_kind(context, node)
        args: tuple[int, ...] = ()
        names: frozenset[str] = frozenset()
        if ast_kind == z3.Z3_NUMERAL_AST:
            number = _integer(z3.Z3_get_numeral_string(context, node), root)
            kind, step = z3.Z3_OP_ANUM, _constant(number)
            self.numbers[len(self._steps)] = number
        elif ast_kind == z3.Z3_APP_AST:
            app = _to_app(context, node)
            declaration = _get_declaration(context, app)
            kind = _get_kind(context, declaration)
            count = _count_args(context, app)
            args = tuple([self._visit(context, _get_arg(context, app, index), root) for index in range(count)])
            name = ""
            if kind not in _STRICT and kind not in _LAZY:
                name = z3.Z3_get_symbol_string(context, z3.Z3_get_decl_name(context, declaration))
            if kind == z3.Z3_OP_UNINTERPRETED and not args:
                if z3.Z3_get_sort_kind(context, z3.Z3_get_sort(context, node)) != z3.Z3_INT_SORT:
                    raise ConstraintError(f"'{name}' in '{root}' is no integer; a knob must be one")
                names = frozenset((name,))
            else:
                names = frozenset().union(*(self.names[arg] for arg in args))
            step = _step(kind, name, args, root)
        else:
            raise ConstraintError(f"'{root}' holds a quantifier; a rule is integer and boolean arithmetic")
        self._steps.append(step)
        self.kinds.append(kind)
        self.args.append(args)
        self.names.append(names)
        self._places[key] = len(self._steps) - 1
        return self._places[key]

    def evaluate(self, number: int, columns: Mapping[str, Column]) -> Value:
        """The value of a node in each row of `columns` (each of shape [rows] or [1])."""
        values: dict[int, Value] = {}

        def visit(node: int) -> Value:
            if node not in values:
                values[node] = self._steps[node](columns, [visit(arg) for arg in self.args[node]])
            return values[node]

        return visit(number)


def variables(expression: z3.ExprRef) -> frozenset[str]:
    """The names of the free constants in an expression of integer and boolean arithmetic."""
    graph = Graph()
    return graph.names[graph.add(expression)]


def evaluate(expression: z3.ExprRef, columns: Mapping[str, Column]) -> Column:
    """The value of `expression` in each row of `columns` (each of shape [rows] or [1]).

    Raises ConstraintError for an operation outside integer and boolean arithmetic, for a variable without
    a column, and if the value depends on a division by zero.
    """
    graph = Graph()
    result = graph.evaluate(graph.add(expression), columns)
    if result.undefined is not None and result.undefined.any():
        raise division_by_zero(expression)
    return result.column


def division_by_zero(expression: z3.ExprRef) -> ConstraintError:
    """The error for an expression whose value depends on a division by zero."""
    return ConstraintError(f"'{expression}' divides by zero for some value of its knobs; guard it")


_Step = Callable[[Mapping[str, Column], list[Value]], Value]


def _integer(text: str, root: z3.ExprRef) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ConstraintError(f"'{text}' in '{root}' is no integer") from error


def _constant(number: int) -> _Step:
    value = Value(np.array([number], dtype=np.int64 if abs(number) < _INT64_SAFE else object))
    return lambda _columns, _args: value


def _step(kind: int, name: str, args: tuple[int, ...], root: z3.ExprRef) -> _Step:
    if kind in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
        truth = Value(np.array([kind == z3.Z3_OP_TRUE]))
        return lambda _columns, _args: truth
    if kind == z3.Z3_OP_UNINTERPRETED and not args:
        return lambda columns, _args: Value(_column(name, columns))
    if kind in _LAZY:
        lazy = _LAZY[kind]
        return lambda _columns, args: lazy(*args)
    if kind not in _STRICT:
        raise ConstraintError(f"'{name}' in '{root}' is not integer or boolean arithmetic")
    operation = _STRICT[kind]
    if kind in (z3.Z3_OP_IDIV, z3.Z3_OP_MOD):
        return lambda _columns, args: _divide(operation, *args)
    return lambda _columns, args: _strict(operation, args)


def _column(name: str, columns: Mapping[str, Column]) -> Column:
    if name not in columns:
        raise ConstraintError(f"a rule uses '{name}', which is no knob of this space")
    return columns[name]


def _strict(operation: Callable[..., Column], args: list[Value]) -> Value:
    return Value(operation(*(arg.column for arg in args)), _either(*(arg.undefined for arg in args)))


def _divide(operation: Callable[..., Column], dividend: Value, divisor: Value) -> Value:
    undefined = _either(dividend.undefined, divisor.undefined)
    by = divisor.column
    if not by.all():
        zero = by == 0
        undefined = _either(undefined, np.asarray(zero))
        by = np.where(zero, 1, by)
    return Value(operation(dividend.column, by), undefined)


def _either(*masks: Column | None) -> Column | None:
    present = [mask for mask in masks if mask is not None]
    return reduce(np.logical_or, present) if present else None


def _or(*args: Value) -> Value:
    undefined = _either(*(arg.undefined for arg in args))
    if undefined is None:
        return Value(reduce(np.logical_or, [arg.column for arg in args]))
    column = reduce(np.logical_or, [_defined(arg) & arg.column for arg in args])
    return Value(column, undefined & ~column)


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
    if column.size == 1:
        return float(abs(column.item()))
    return float(max(abs(column.max()), abs(column.min()))) if column.size else 0.0


def _exact(bound: Callable[[float, float], float], a: Column, b: Column) -> tuple[Column, Column]:
    """Both columns, as Python integers if the result might not fit 64 bits."""
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


# Operations whose value can be known although that of an argument is not.
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

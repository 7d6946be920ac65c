# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops that a configuration is aimed at: root ops, configured ops, and what they compute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuner.native._host import core, ir
from tuner.native.errors import PassError
from tuner.native.layouts import layout
from tuner.native.winograd import winograd

if TYPE_CHECKING:
    from iree.compiler.ir import AffineMap, Module, Operation, Type


@dataclass(frozen=True, slots=True)
class RootOp:
    """An annotated root op.

    Attributes:
        dispatch: the identity: the function's name, or its symbol path
            `executable::variant::function` where two dispatches share the name;
            with `@k` appended for the k-th root after a dispatch's first.
        function: the name of the function that holds the op.
        set: the number in the root-op mark; 0 on releases whose mark has none (before 3.11).
        operation: the op itself.
    """

    dispatch: str
    function: str
    set: int
    operation: Operation
    _owner: object = field(default=None, repr=False, compare=False)


def find_root_ops(operation: Operation | Module) -> list[RootOp]:
    """The root ops below `operation`, in walk order, found by their identity.

    Empty before `annotate_root_ops`.

    Raises:
        PassError: an op has an identity but no root-op mark, or is in no function.
    """
    roots = []
    for op in core.ops_with_attribute(operation.operation, ["iree_tuner.dispatch"]):
        attributes = op.attributes
        identity = ir.StringAttr(attributes["iree_tuner.dispatch"]).value
        set_ = core.root_op_mark_set(attributes["root_op"]) if "root_op" in attributes else -1
        function = _enclosing_function(op)
        if set_ < 0 or function is None:
            raise PassError(
                f"the op with the identity {identity!r} is no root op of a function; run annotate_root_ops again"
            )
        name = ir.StringAttr(function.attributes["sym_name"]).value
        roots.append(RootOp(identity, name, set_, op, _owner=operation))
    return roots


def _enclosing_function(op: Operation) -> Operation | None:
    parent = op.parent
    while parent is not None:
        attributes = parent.operation.attributes
        if "function_type" in attributes and "sym_name" in attributes:
            return parent.operation
        parent = parent.operation.parent
    return None


def configured_ops(operation: Operation | Module) -> list[Operation]:
    """Every op below `operation` that has a `lowering_config`, in walk order.

    An op whose configuration is a `compilation_info` counts too.
    """
    return core.ops_with_attribute(operation.operation, ["lowering_config", "compilation_info"])


@dataclass(frozen=True, slots=True)
class Problem:
    """What an op computes, as far as tiling it is concerned.

    Attributes:
        name: the op's name, such as `linalg.generic`.
        loop_sizes: one per loop, outermost first; None if dynamic, or if no operand
            is indexed by that loop alone (a convolution's window in its image).
        parallel: whether each loop is parallel, that is, indexes the op's output.
        indexing_maps: one per operand and output; empty for an op that has none (softmax).
        operand_types: inputs, then outputs.
        result_types: one per result.
    """

    name: str
    loop_sizes: tuple[int | None, ...]
    parallel: tuple[bool, ...]
    indexing_maps: tuple[AffineMap, ...]
    operand_types: tuple[Type, ...]
    result_types: tuple[Type, ...]


def problem(operation: Operation) -> Problem:
    """The problem of an op; for a root op, of its dispatch."""
    maps, loops, operand_types, result_types = core.problem(operation.operation)
    if moved := layout(operation.operation) or winograd(operation.operation):
        return Problem(
            name=operation.operation.name,
            loop_sizes=moved.sizes,
            parallel=(True,) * len(moved.sizes),
            indexing_maps=moved.maps,
            operand_types=tuple(operand_types),
            result_types=tuple(result_types),
        )
    return Problem(
        name=operation.operation.name,
        loop_sizes=tuple(None if size < 0 else size for size, _ in loops),
        parallel=tuple(parallel for _, parallel in loops),
        indexing_maps=tuple(ir.AffineMapAttr(m).value for m in ir.ArrayAttr(maps)) if maps is not None else (),
        operand_types=tuple(operand_types),
        result_types=tuple(result_types),
    )

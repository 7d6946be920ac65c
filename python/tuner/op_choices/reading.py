# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the ops of a model that something may be chosen for, as the compiler's preprocessing leaves them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from iree.compiler import ir

from tuner import kinds as dispatch_kinds
from tuner import native
from tuner.dispatch import Loop
from tuner.errors import ToolError
from tuner.foreign import reason_of
from tuner.model.model import Model
from tuner.op_choices import InputOp
from tuner.toolchain.contexts import new_context

# The compiler stops where a preprocessing spec is applied; constants of more elements are left out of the text.
_UNTIL = ("--compile-to=preprocessing", "--mlir-elide-elementsattrs-if-larger=8")
# Named ops alone can be told apart by their name and their types.
_NAMED = re.compile(r"linalg\.(batch_)?(matmul|matvec|vecmat|mmt4d)|linalg\.(depthwise_)?conv_\w+")


def read_ops(model: Model, work_dir: Path) -> tuple[InputOp, ...]:
    """The named products and convolutions of static shape, equal ones once, those with the longest loops first.

    Raises ToolError if the compiler does not write the model.
    """
    text = work_dir / "preprocessed.mlir"
    result = model.compile(text, *_UNTIL)
    if result.exit_code != 0:
        raise ToolError(f"{model.source} cannot be read after preprocessing: {result.first_error}")
    found: Counter[InputOp] = Counter()

    def visit(op: ir.Operation) -> ir.WalkResult:
        if _NAMED.fullmatch(op.name) and (read := _read(op)) is not None:
            found[read] += 1
        return ir.WalkResult.ADVANCE

    with new_context():
        try:
            module = ir.Module.parseFile(str(text))
        except ir.MLIRError as error:
            raise ToolError(f"{text} cannot be read: {reason_of(error)}") from error
        module.operation.walk(visit)
    ops = [replace(op, count=count) for op, count in found.items()]
    return tuple(sorted(ops, key=lambda op: -op.steps_of_loops))


def _read(op: ir.Operation) -> InputOp | None:
    known = dispatch_kinds.find(op)
    types = [operand.type.maybe_downcast() for operand in op.operands]
    if known is None or not all(isinstance(entry, ir.RankedTensorType) and entry.has_static_shape for entry in types):
        return None
    roles, extents = known[1], native.problem(op).loop_sizes
    if set(roles) != set(range(len(extents))) or any(extent is None for extent in extents):
        return None
    loops = tuple(Loop(extent or 0, roles[index]) for index, extent in enumerate(extents))
    # Those of 1 need not be written.
    ones = (1,) * sum(loop.role == "window" for loop in loops)
    strides, dilations = _integers(op, "strides") or ones, _integers(op, "dilations") or ones
    read = InputOp(op.name, tuple(map(str, types)), loops, strides, dilations)
    return _with_spread(read, op)


def _with_spread(read: InputOp, op: ir.Operation) -> InputOp:
    """The op, with what its first operand is spread from."""
    producer = op.operands[0].owner
    if not isinstance(producer, ir.Operation | ir.OpView) or producer.operation.name != "tensor.insert_slice":
        return read
    insertion = producer.operation
    steps, offsets = _integers(insertion, "static_strides"), _integers(insertion, "static_offsets")
    if max(steps, default=1) == 1 or not _is_zeros(insertion.operands[1]):
        return read
    return replace(read, spread=str(insertion.operands[0].type), offsets=offsets, steps=steps)


def _is_zeros(value: ir.Value) -> bool:
    """Whether a tensor is filled with a constant zero."""
    fill = value.owner
    if not isinstance(fill, ir.Operation | ir.OpView):
        return False
    op = fill.operation
    if op.name == "linalg.fill":
        return _is_zeros(op.operands[0])
    return op.name == "arith.constant" and str(op.attributes["value"]).startswith(("0.0", "dense<0.0"))


def _integers(op: ir.Operation, attribute: str) -> tuple[int, ...]:
    """A list of whole numbers, () if the op has no such attribute."""
    if attribute not in op.attributes:
        return ()
    value = op.attributes[attribute].maybe_downcast()
    if isinstance(value, ir.DenseElementsAttr | ir.DenseI64ArrayAttr):
        return tuple(int(number) for number in value)
    return ()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns the benchmark that IREE dumps for a dispatch into a program whose data can be set and read.

IREE's benchmark allocates one buffer that nothing outside can reach and runs the dispatch on it. Two edits change that:
the allocation is removed, and a function receives the buffer from outside, in the memory that suits its device. The
bindings show what the dispatch does with each part of it. On the host the bindings are moved apart, so that reads
beyond one of them are found (`measuring/guarding.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Access, BenchmarkProgram, Region
from tuner.dispatches.rounding import read_arithmetic
from tuner.toolchain.operations import dispatch_functions, ops_named, symbol

_SETTER = "iree_tuner_set_buffer"
# Bits of a binding's descriptor flags. Source: HAL_DescriptorFlags in IREE's HALBase.td.
_READ_ONLY = 1
# Bytes, for each binding in a buffer, as in the benchmarks that IREE dumps.
_ALIGNMENT = 256
# The ops by which the compiler computes an offset from a dispatch's constants.
_EVALUATED: dict[str, Callable[..., int]] = {
    "arith.index_cast": lambda word: word,
    "arith.index_castui": lambda word: word % 2**32,
    "arith.extui": lambda word: word % 2**32,
    "arith.shli": operator.lshift,
    "arith.ori": operator.or_,
}


class UnsupportedDispatchError(Exception):
    """The dispatch's benchmark has a form that this module does not support. The message is the reason."""


def prepare(module: ir.Module, flags: tuple[str, ...], gap_bytes: int = 0) -> BenchmarkProgram:
    """Edits a dumped benchmark module, whose root op is marked, in place: strips its configuration and describes it.

    `flags`: those of iree-compile that it was made with. `gap_bytes` are left free after each of its bindings.

    Raises UnsupportedDispatchError if it has several entry functions or data at places that cannot be known.
    """
    root = module.operation
    entries = [op for op in ops_named(root, "util.func") if "sym_name" in op.attributes]
    if len(entries) != 1:
        raise UnsupportedDispatchError(f"its benchmark has {len(entries)} entry functions")
    dispatches = list(ops_named(root, "hal.command_buffer.dispatch"))
    allocations = list(ops_named(root, "hal.allocator.allocate"))
    if len(dispatches) != 1 or len(allocations) != 1:
        raise UnsupportedDispatchError("its benchmark has not one buffer and one dispatch")
    buffer_bytes = _constant(allocations[0].operands[-1])
    if gap_bytes:
        buffer_bytes = _move_apart(dispatches[0], gap_bytes)
    operands = _operands(dispatches[0])
    constants = [_constant(value) for value in operands.constants]
    bindings = [_constant(value) for value in operands.offsets]
    regions = tuple(_region(op, bindings, constants) for op in ops_named(root, "hal.interface.binding.subspan"))
    allocations[0].parent.erase()
    _add_setter(module, _global_buffer(root))
    default_text = str(module)
    (function,) = dispatch_functions(root)
    native.strip_configuration(root)
    return BenchmarkProgram(
        ir_text=str(module),
        default_text=default_text,
        entry=symbol(entries[0]),
        buffer_setter=_SETTER,
        buffer_bytes=buffer_bytes,
        regions=_merge(regions),
        flags=flags,
        arithmetic=read_arithmetic(function),
    )


def _constant(value: ir.Value, constants: Sequence[int] = ()) -> int:
    """The number that an integer value stands for. `constants` are passed to the dispatch when it is run.

    An offset that differs between dispatches that share their code is passed in one or two words of 32 bits.
    """
    owner = value.owner
    if isinstance(owner, ir.Block):
        raise UnsupportedDispatchError("its data lies at offsets known only at run time")
    if owner.name == "arith.constant":
        return int(ir.IntegerAttr(owner.attributes["value"]).value)
    if owner.name == "hal.interface.constant.load":
        ordinal = int(ir.IntegerAttr(owner.attributes["ordinal"]).value)
        if ordinal < len(constants):
            return constants[ordinal]
    operands = [_constant(operand, constants) for operand in owner.operands]
    if owner.name == "util.assume.int":
        return operands[int(ir.OpResult(value).result_number)]
    if owner.name not in _EVALUATED:
        raise UnsupportedDispatchError(f"its data lies at offsets made by {owner.name} at run time")
    return _EVALUATED[owner.name](*operands)


@dataclass(frozen=True, slots=True)
class _Operands:
    """What a dispatch is run with: constants, and the offset and length of each binding in its buffer.

    `first_offset` is the place of the first offset among all operands.
    """

    constants: Sequence[ir.Value]
    offsets: Sequence[ir.Value]
    lengths: Sequence[ir.Value]
    first_offset: int


def _operands(dispatch: ir.Operation) -> _Operands:
    """The operands of a `hal.command_buffer.dispatch`, divided by its segments."""
    segments = list(ir.DenseI32ArrayAttr(dispatch.attributes["operandSegmentSizes"]))
    *_, constants, buffers, offsets, lengths = segments
    if not buffers == offsets == lengths:
        raise UnsupportedDispatchError("its benchmark's bindings have an unknown form")
    operands = list(dispatch.operands)
    first = len(operands) - lengths - offsets
    before = first - buffers - constants
    return _Operands(
        operands[before : before + constants], operands[first : first + offsets], operands[first + offsets :], first
    )


def _move_apart(dispatch: ir.Operation, gap_bytes: int) -> int:
    """Gives each binding a place of its own, with a gap after it. Bindings that overlap stay together.

    Returns the bytes of the whole buffer.
    """
    operands = _operands(dispatch)
    starts, lengths = ([_constant(value) for value in values] for values in (operands.offsets, operands.lengths))
    moved: dict[int, int] = {}
    # The present bounds of bindings that overlap, and their new first byte.
    first = end = new_first = 0
    for start, length in sorted(zip(starts, lengths, strict=True)):
        if start >= end:
            free = new_first + end - first + (gap_bytes if moved else 0)
            first, end, new_first = start, start, -(-free // _ALIGNMENT) * _ALIGNMENT
        moved[start] = new_first + start - first
        end = max(end, start + length)
    with ir.InsertionPoint(dispatch), ir.Location.unknown(dispatch.context):
        index = ir.IndexType.get(dispatch.context)
        for number, start in enumerate(starts):
            attribute = ir.IntegerAttr.get(index, moved[start])
            made = ir.Operation.create("arith.constant", results=[index], attributes={"value": attribute})
            dispatch.operands[operands.first_offset + number] = made.results[0]
    return new_first + end - first + gap_bytes


def _region(subspan: ir.Operation, bindings: Sequence[int], constants: Sequence[int]) -> Region:
    memref = ir.MemRefType(subspan.results[0].type)
    if not memref.has_static_shape:
        raise UnsupportedDispatchError("its shapes are dynamic")
    flags = 0
    if "descriptor_flags" in subspan.attributes:
        flags = ir.IntegerAttr(subspan.attributes["descriptor_flags"]).value
    users = {use.owner.name for use in subspan.results[0].uses}
    access: Access = "write"
    if flags & _READ_ONLY:
        access = "read"
    elif "iree_codegen.load_from_buffer" in users:
        access = "readwrite"
    binding = ir.IntegerAttr(subspan.attributes["binding"]).value
    return Region(
        offset_bytes=bindings[binding] + _constant(subspan.operands[0], constants),
        shape=tuple(memref.shape),
        element_type=str(memref.element_type),
        access=access,
    )


def _merge(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """One region for each place: a place that is read by one subspan and written by another is `readwrite`."""
    merged: dict[tuple[int, tuple[int, ...], str], Region] = {}
    for region in regions:
        key = (region.offset_bytes, region.shape, region.element_type)
        known = merged.get(key)
        if known is not None and known.access != region.access:
            region = replace(region, access="readwrite")
        merged[key] = region
    return tuple(merged[key] for key in sorted(merged))


def _global_buffer(root: ir.Operation) -> ir.FlatSymbolRefAttr:
    names = [
        ir.FlatSymbolRefAttr.get(symbol(op))
        for op in ops_named(root, "util.global")
        if str(ir.TypeAttr(op.attributes["type"]).value) == "!hal.buffer"
    ]
    if len(names) != 1:
        raise UnsupportedDispatchError(f"its benchmark has {len(names)} buffers")
    return names[0]


def _add_setter(module: ir.Module, buffer: ir.FlatSymbolRefAttr) -> None:
    source = f"""
      util.global private mutable {buffer} : !hal.buffer
      util.func public @{_SETTER}(%view: !hal.buffer_view) {{
        %buffer = hal.buffer_view.buffer<%view : !hal.buffer_view> : !hal.buffer
        util.global.store %buffer, {buffer} : !hal.buffer
        util.return
      }}
    """
    parsed = ir.Module.parse(source, module.context)
    module.body.append(parsed.body.operations[1].detach_from_parent())

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads facts out of IREE's IR: a dispatch's configuration, the problem of a root op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from iree.compiler import ir

from tuner import kinds, native
from tuner.dispatch import PADDING, Configured, Follower, Loop, Operand, Problem

# The attribute of an op that is lowered in parts: a dictionary with a lowering config for each.
PARTS = "decomposition_config"


def read_configured(function: ir.Operation) -> Configured:
    """The configuration that a dispatch function carries now."""
    translation, ops = native.translation_info(function), native.configured_ops(function)
    return Configured(
        translation_info="" if translation is None else str(translation.attribute),
        lowering_configs=tuple(str(op.attributes["lowering_config"]) for op in ops),
        decompositions=tuple(str(op.attributes[PARTS]) for op in ops if PARTS in op.attributes),
    )


def read_problem(root_op: ir.Operation, dispatch: ir.Operation) -> Problem | str:
    """The problem that the root op of a dispatch function solves, or the reason why no registered kind describes it.

    `dispatch` still carries the compiler's default configuration.
    """
    found = kinds.find(root_op)
    if found is None:
        return f"no kind of problem describes a root op like {root_op.name}"
    kind, roles = found
    read = native.problem(root_op)
    types = [entry.maybe_downcast() for entry in read.operand_types]
    if any(isinstance(entry, ir.ShapedType) and not entry.has_static_shape for entry in types):
        return "its shapes are dynamic; bind them first"
    extents = [size for size in _extents(read, types) if size is not None]
    if len(extents) != len(read.loop_sizes) or not read.indexing_maps:
        return f"the extents of {root_op.name}'s loops are not known"
    if set(roles) != set(range(len(read.loop_sizes))):
        return f"some of its loops have no role in a {kind}"
    operands = []
    for entry, indexing_map in zip(types, read.indexing_maps, strict=True):
        element_type = entry.element_type if isinstance(entry, ir.ShapedType) else entry
        operands.append(Operand(str(element_type), str(indexing_map), _loops(indexing_map)))
    loops = tuple(Loop(extent, roles[index]) for index, extent in enumerate(extents))
    problem = Problem(kind, loops, tuple(operands))
    whole = replace(problem, computation=_computation(dispatch), followers=_followers(root_op, dispatch))
    # Padding that was fused with the op changes what compiles, and no matcher sees it.
    is_padded = PADDING in whole.computation.split()
    return problem if kinds.matcher(whole) and not is_padded else whole


def _extents(read: native.Problem, types: Sequence[ir.Type]) -> list[int | None]:
    """The extent of each loop. Operands of tiles have more dimensions than their maps, the loops' ones first."""
    extents = list(read.loop_sizes)
    for entry, indexing_map in zip(types, read.indexing_maps, strict=False):
        for place, loop in enumerate(_loops(indexing_map)):
            if loop >= 0 and extents[loop] is None and isinstance(entry, ir.ShapedType):
                extents[loop] = entry.shape[place]
    return extents


def _loops(indexing_map: ir.AffineMap) -> tuple[int, ...]:
    return tuple(
        expression.position if isinstance(expression, ir.AffineDimExpr) else -1 for expression in indexing_map.results
    )


def _computation(dispatch: ir.Operation) -> str:
    """What a dispatch computes, as far as the names of its ops show it."""
    names: list[str] = []

    def visit(op: ir.Operation) -> ir.WalkResult:
        computes = op.name.partition(".")[0] in ("linalg", "arith", "math") and op.name != "arith.constant"
        if computes or op.name == PADDING:
            names.append(op.name)
        return ir.WalkResult.ADVANCE

    dispatch.walk(visit)
    return " ".join(name for name in names if name != "linalg.yield")


def _followers(root_op: ir.Operation, dispatch: ir.Operation) -> tuple[Follower, ...]:
    """The other configured ops. The loops of each are traced to the root op's through the tensors between them."""
    dimensions: dict[Any, tuple[int, ...]] = {}
    loops_of: dict[Any, dict[int, int]] = {
        root_op: {index: index for index in range(len(native.problem(root_op).parallel))}
    }
    others = [op for op in native.configured_ops(dispatch) if op != root_op]
    # These keep the compiler's tiles. How moves into tiles should follow was not measured, and Winograd's transforms
    # take no other vectors.
    keeping = (*native.LAYOUT_OPS, *native.WINOGRAD_OPS)
    followers = [op for op in others if op.name not in keeping]
    readable = [op for op in (root_op, *followers) if native.problem(op).indexing_maps]
    for _ in range(len(readable)):
        for op in readable:
            maps = native.problem(op).indexing_maps
            known = loops_of.setdefault(op, {})
            tensors = [
                *zip(op.operands, maps, strict=True),
                *zip(op.results, maps[len(maps) - len(op.results) :], strict=True),
            ]
            for value, indexing_map in tensors:
                places = _loops(indexing_map)
                for place, root_loop in zip(places, dimensions.get(value, ()), strict=False):
                    if place >= 0 and root_loop >= 0:
                        known.setdefault(place, root_loop)
                if known:
                    found = tuple(known.get(place, -1) for place in places)
                    # An op on tiles has no loops for the last dimensions, which other ops may have.
                    both = zip_longest(dimensions.get(value, ()), found, fillvalue=-1)
                    dimensions[value] = tuple(before if before >= 0 else now for before, now in both)
    return tuple(_follower(number, op, loops_of.get(op, {})) for number, op in enumerate(others, start=1))


def _follower(number: int, op: ir.Operation, loops: Mapping[int, int]) -> Follower:
    sizes = _levels(op.attributes.get("lowering_config", None))
    count = max((len(entry) for _, entry in sizes), default=0)
    return Follower(number, sizes, tuple(loops.get(index, -1) for index in range(count)))


def _levels(config: ir.Attribute | None) -> tuple[tuple[str, tuple[int, ...]], ...]:
    if str(config).startswith("#iree_cpu.lowering_config<"):
        return tuple((name, level.sizes) for name, level in native.read_cpu_lowering_config(config).items())
    return gpu_levels(config) if str(config).startswith("#iree_gpu.lowering_config<") else ()


def gpu_levels(config: ir.Attribute) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The levels of an `#iree_gpu.lowering_config`, by loop: tiles, padding, and bases over the loops in order."""
    read = native.read_gpu_lowering_config(config)
    levels = dict(read.tiles)
    if read.subgroup_basis is not None:
        levels["subgroup_basis"] = read.subgroup_basis.counts
    if "lane_basis" in read.other:
        lanes, _ = ir.ArrayAttr(read.other["lane_basis"])
        levels["lane_basis"] = _integers(lanes)
    for name in ("padding", "padding_conv"):
        if name in read.other:
            levels[name] = _integers(read.other[name])
    return tuple(levels.items())


def _integers(array: ir.Attribute) -> tuple[int, ...]:
    return tuple(int(ir.IntegerAttr(value).value) for value in ir.ArrayAttr(array))

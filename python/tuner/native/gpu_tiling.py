# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`#iree_gpu.lowering_config`: built, and taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuner.native._host import core, ir

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Context


GPU_TILING_LEVELS = (
    "workgroup",
    "reduction",
    "partial_reduction",
    "serial",
    "thread",
    "subgroup",
    "lane",
)
"""The tiling levels of `#iree_gpu.lowering_config`.

Source: IREE `Codegen/Dialect/GPU/IR/IREEGPUAttrs.cpp`.
"""


@dataclass(frozen=True, slots=True)
class SubgroupBasis:
    """How subgroups are laid over the loops of an op.

    Attributes:
        counts: subgroups per basis dimension; their product is the workgroup's subgroups.
        mapping: for each loop, the basis dimension that it takes.
    """

    counts: tuple[int, ...]
    mapping: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GPULoweringConfig:
    """The entries of an `#iree_gpu.lowering_config`.

    Attributes:
        tiles: tile sizes by level, one per loop; the levels are `GPU_TILING_LEVELS`.
        mma_kind: the intrinsic, as `MMAIntrinsic.mma_kind`; None if not given.
        subgroup_basis: None if not given.
        promote_operands: numbers of the operands that go through shared memory.
        other: every further entry, by name, as IREE's attribute.
    """

    tiles: Mapping[str, tuple[int, ...]]
    mma_kind: Attribute | None = None
    subgroup_basis: SubgroupBasis | None = None
    promote_operands: tuple[int, ...] = ()
    other: Mapping[str, Attribute] = field(default_factory=dict)


def gpu_lowering_config(config: GPULoweringConfig, context: Context) -> Attribute:
    """Builds an `#iree_gpu.lowering_config`.

    Raises:
        ValueError: an unknown level, a negative tile, a basis whose mapping leaves it, or
            an `other` entry that has a field of its own.
    """
    entries: dict[str, Attribute] = {}
    for name, sizes in config.tiles.items():
        if name not in GPU_TILING_LEVELS:
            raise ValueError(f"unknown tiling level {name!r}; the levels are {', '.join(GPU_TILING_LEVELS)}")
        if any(size < 0 for size in sizes):
            raise ValueError(f"tile sizes must not be negative: {name} = {list(sizes)}")
        entries[name] = _integer_array(sizes, context)
    if config.mma_kind is not None:
        entries["mma_kind"] = config.mma_kind
    if config.subgroup_basis is not None:
        basis = config.subgroup_basis
        if any(not 0 <= position < len(basis.counts) for position in basis.mapping):
            raise ValueError(f"mapping {list(basis.mapping)} leaves the basis of {len(basis.counts)} dimensions")
        entries["subgroup_basis"] = ir.ArrayAttr.get(
            [_integer_array(basis.counts, context), _integer_array(basis.mapping, context)], context
        )
    if config.promote_operands:
        entries["promote_operands"] = _integer_array(config.promote_operands, context)
    for name, attribute in config.other.items():
        if name in entries or name in _GPU_FIELDS:
            raise ValueError(f"{name!r} has a field of its own")
        entries[name] = attribute
    return core.gpu_lowering_config(ir.DictAttr.get(entries, context))


_GPU_FIELDS = (*GPU_TILING_LEVELS, "mma_kind", "subgroup_basis", "promote_operands")


def read_gpu_lowering_config(attribute: Attribute) -> GPULoweringConfig:
    """Takes an `#iree_gpu.lowering_config` apart; the inverse of `gpu_lowering_config`.

    Raises:
        ValueError: another kind of attribute, or an entry that is not of its kind.
    """
    if not str(attribute).startswith("#iree_gpu.lowering_config<"):
        raise ValueError(f"not an #iree_gpu.lowering_config: {attribute}")
    dictionary = ir.DictAttr(core.lowering_config_entries(attribute))
    entries = {entry.name: entry.attr for entry in dictionary}
    tiles = {n: tuple(core.integers(a)) for n, a in entries.items() if n in GPU_TILING_LEVELS}
    basis = None
    if "subgroup_basis" in entries:
        parts = list(ir.ArrayAttr(entries["subgroup_basis"]))
        if len(parts) != 2:
            raise ValueError(f"a subgroup basis is counts and mapping, not {parts}")
        basis = SubgroupBasis(*(tuple(core.integers(part)) for part in parts))
    promoted = entries.get("promote_operands")
    return GPULoweringConfig(
        tiles=tiles,
        mma_kind=entries.get("mma_kind"),
        subgroup_basis=basis,
        promote_operands=tuple(core.integers(promoted)) if promoted is not None else (),
        other={n: a for n, a in entries.items() if n not in _GPU_FIELDS},
    )


def _integer_array(values: tuple[int, ...], context: Context) -> Attribute:
    i64 = ir.IntegerType.get_signless(64, context)
    return ir.ArrayAttr.get([ir.IntegerAttr.get(i64, value) for value in values], context)

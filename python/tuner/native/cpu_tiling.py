# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`#iree_cpu.lowering_config`: built and taken apart, which IREE does not offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.native._host import core

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Context


CPU_TILING_LEVELS = (
    "distribution",
    "cache_parallel",
    "cache_reduction",
    "vector_common_parallel",
    "vector_reduction",
    "vector_inner_parallel",
)
"""The tiling levels of `#iree_cpu.lowering_config`, outermost first.

Source: IREE `Codegen/Dialect/CPU/IR/IREECPUAttrs.cpp`.
"""


@dataclass(frozen=True, slots=True)
class TilingLevel:
    """Tile sizes of one level of an `#iree_cpu.lowering_config`.

    Attributes:
        sizes: one per loop of the op; 0 leaves the loop untiled.
        interchange: a permutation of the loops, or empty for their own order.
        scalable: whether each size is multiplied by the vector length at run time;
            empty if none is.

    Raises:
        ValueError: a negative size, an interchange that is no permutation of the
            sizes' positions, or a `scalable` of another length.
    """

    sizes: tuple[int, ...]
    interchange: tuple[int, ...] = ()
    scalable: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if any(size < 0 for size in self.sizes):
            raise ValueError(f"tile sizes must not be negative: {list(self.sizes)}")
        if self.interchange and sorted(self.interchange) != list(range(len(self.sizes))):
            raise ValueError(f"interchange {list(self.interchange)} is no permutation of the {len(self.sizes)} loops")
        if self.scalable and len(self.scalable) != len(self.sizes):
            raise ValueError(f"{len(self.scalable)} scalable flags for {len(self.sizes)} tile sizes")


def cpu_lowering_config(levels: Mapping[str, TilingLevel], context: Context) -> Attribute:
    """Builds an `#iree_cpu.lowering_config`.

    Args:
        levels: tile sizes by level; the names are those of `CPU_TILING_LEVELS`.
        context: where the attribute lives.

    Raises:
        ValueError: an unknown level. (IREE silently accepts a misspelled one.)
    """
    unknown = [name for name in levels if name not in CPU_TILING_LEVELS]
    if unknown:
        raise ValueError(f"unknown tiling level {unknown[0]!r}; the levels are {', '.join(CPU_TILING_LEVELS)}")
    entries = [f"{name} = {_level_text(levels[name])}" for name in CPU_TILING_LEVELS if name in levels]
    return core.parse_attribute(f"#iree_cpu.lowering_config<{', '.join(entries)}>", context)


def _level_text(level: TilingLevel) -> str:
    scalable = level.scalable or (False,) * len(level.sizes)
    sizes = ", ".join(f"[{size}]" if flag else str(size) for size, flag in zip(level.sizes, scalable, strict=True))
    if not level.interchange:
        return f"[{sizes}]"
    return f"{{sizes = [{sizes}], interchange = {list(level.interchange)}}}"


def read_cpu_lowering_config(attribute: Attribute) -> dict[str, TilingLevel]:
    """Takes an `#iree_cpu.lowering_config` apart; the inverse of `cpu_lowering_config`.

    Returns:
        The tiling levels that are given, outermost first.

    Raises:
        ValueError: another kind of attribute, or an entry that is no known tiling level.
    """
    if not str(attribute).startswith("#iree_cpu.lowering_config<"):
        raise ValueError(f"not an #iree_cpu.lowering_config: {attribute}")
    levels = dict(core.tiling_levels(attribute))
    unknown = [name for name in levels if name not in CPU_TILING_LEVELS]
    if unknown:
        raise ValueError(f"unknown tiling level {unknown[0]!r} in {attribute}")
    return {name: _level(*levels[name]) for name in CPU_TILING_LEVELS if name in levels}


def _level(sizes: list[int], interchange: list[int], scalable: list[bool]) -> TilingLevel:
    return TilingLevel(tuple(sizes), tuple(interchange), tuple(scalable) if any(scalable) else ())

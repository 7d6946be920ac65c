# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loops of ops that move a tensor into tiles (`linalg.pack`) or out of them (`linalg.unpack`): they state none.

They are those that IREE tiles: over the tiles that a pack writes, over the elements that an unpack writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.native._host import ir

if TYPE_CHECKING:
    from iree.compiler.ir import AffineExpr, AffineMap, Operation

LAYOUT_OPS = ("linalg.pack", "linalg.unpack")


@dataclass(frozen=True, slots=True)
class Layout:
    """The loops of such an op, all parallel: `sizes` (None if dynamic), and an indexing map for each operand.

    A dimension that a loop indexes by itself is the loop. One of tiles of n elements is `d * n` where a tile starts,
    `d floordiv n` where an element's tile is, `d mod n` its place there.
    """

    sizes: tuple[int | None, ...]
    maps: tuple[AffineMap, ...]


def layout(op: Operation) -> Layout | None:
    """The loops of an op of `LAYOUT_OPS`; None for any other, and if the size of a tile is dynamic."""
    if op.name not in LAYOUT_OPS:
        return None
    source, dest = op.operands[0].type, op.operands[1].type
    if not all(isinstance(entry, ir.ShapedType) and entry.has_rank for entry in (source, dest)):
        return None
    tiles = integers(op, "static_inner_tiles")
    if any(tile < 0 for tile in tiles):
        return None
    is_pack = op.name == "linalg.pack"
    count = (source if is_pack else dest).rank
    tile_of = dict(zip(integers(op, "inner_dims_pos"), tiles, strict=True))
    order = integers(op, "outer_dims_perm") or tuple(range(count))
    with op.context:
        dims = [ir.AffineExpr.get_dim(loop) for loop in range(count)]
        zero = ir.AffineExpr.get_constant(0)
        if is_pack:
            # Loop `place` is over the tiles of dimension `order[place]`.
            starts = {dim: dims[place] * tile_of.get(dim, 1) for place, dim in enumerate(order)}
            first: list[AffineExpr] = [starts[dim] for dim in range(count)]
            second = [*dims, *(zero for _ in tiles)]
        else:
            outer = [ir.AffineExpr.get_floor_div(dims[dim], tile_of.get(dim, 1)) for dim in order]
            first = [*outer, *(ir.AffineExpr.get_mod(dims[dim], tile) for dim, tile in tile_of.items())]
            second = [*dims]
        maps = [ir.AffineMap.get(count, 0, expressions) for expressions in (first, second)]
        # What fills the last tiles is a scalar.
        maps += [ir.AffineMap.get(count, 0, []) for _ in range(len(op.operands) - len(maps))]
    sizes = (None if dest.is_dynamic_dim(dim) else dest.get_dim_size(dim) for dim in range(count))
    return Layout(tuple(sizes), tuple(maps))


def integers(op: Operation, name: str) -> Sequence[int]:
    """An array of integers that the op has as an attribute; () if it has none of this name."""
    return tuple(ir.DenseI64ArrayAttr(op.attributes[name])) if name in op.attributes else ()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loops of Winograd's transforms of images, filters and results: they state none.

They are those that IREE tiles: over the tiles of an image, or over the filters. Each is transformed as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.native._host import ir
from tuner.native.layouts import Layout, integers

if TYPE_CHECKING:
    from iree.compiler.ir import Operation

_DIALECT = "iree_linalg_ext.winograd."
WINOGRAD_OPS = tuple(f"{_DIALECT}{kind}_transform" for kind in ("filter", "input", "output"))
# The first dimensions of what is transformed: a tile's rows and columns.
_TILE = 2


def winograd(op: Operation) -> Layout | None:
    """The loops of a transform; None for any other op. A dimension of images is `d * n`, where a tile of n starts."""
    if op.name not in WINOGRAD_OPS or len(op.operands) != 2:
        return None
    kind = op.name.removeprefix(_DIALECT)
    plain, tiled = (op.operands[place].type for place in ((1, 0) if kind == "output_transform" else (0, 1)))
    count = tiled.rank - _TILE
    if plain.rank != (count + _TILE if kind == "filter_transform" else count):
        return None
    window = integers(op, "kernel_dimensions" if kind == "filter_transform" else "image_dimensions")
    size = ir.IntegerAttr(op.attributes["output_tile_size"]).value
    with op.context:
        dims = [ir.AffineExpr.get_dim(loop) for loop in range(count)]
        zeros = [ir.AffineExpr.get_constant(0)] * _TILE
        if kind == "filter_transform":
            # The window's rows and columns are no loops.
            left = iter(dims)
            first = [zeros[0] if dim in window else next(left) for dim in range(plain.rank)]
        else:
            # Batch, tiles along the rows, tiles along the columns, channels.
            batch, *along, channels = dims
            others = iter((batch, channels))
            place = dict(zip(window, along, strict=True))
            first = [place[dim] * size if dim in place else next(others) for dim in range(plain.rank)]
        maps = [ir.AffineMap.get(count, 0, expressions) for expressions in (first, [*zeros, *dims])]
    sizes = (None if tiled.is_dynamic_dim(dim) else tiled.get_dim_size(dim) for dim in range(_TILE, tiled.rank))
    return Layout(tuple(sizes), tuple(reversed(maps) if kind == "output_transform" else maps))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spaces share whatever their target: element sizes, sets of tile sizes, names of knobs, products of terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import z3

ELEMENT_BYTES = {"f64": 8, "i64": 8, "f32": 4, "i32": 4, "f16": 2, "bf16": 2, "i16": 2, "i8": 1}


def knob_name(level: str, loop: str) -> str:
    """The name of a knob that holds the tile of one loop at one level, as in `distribution[m]`."""
    return f"{level}[{loop}]"


def divisors(extent: int) -> list[int]:
    """All divisors, ascending."""
    return [tile for tile in range(1, extent + 1) if extent % tile == 0]


def powers_of_two(limit: int) -> list[int]:
    """1, 2, 4 … up to the limit."""
    return [1 << bit for bit in range(limit.bit_length()) if 1 << bit <= limit]


def ordered(tiles: Iterable[int]) -> tuple[int, ...]:
    """A domain: each tile once, ascending."""
    return tuple(sorted(set(tiles)))


def thinned(tiles: Sequence[int], count: int) -> tuple[int, ...]:
    """At most `count` of the tiles, the first and the last among them, evenly spread."""
    if len(tiles) <= count:
        return tuple(tiles)
    return ordered(tiles[round(index * (len(tiles) - 1) / (count - 1))] for index in range(count))


def product(terms: Iterable[z3.ArithRef]) -> z3.ArithRef:
    """The terms multiplied; 1 if there is none."""
    return reduce(lambda a, b: a * b, terms, z3.IntVal(1))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products by Hopper's `wgmma`, which four subgroups compute together: what their tiles must be.

Source: PTX ISA, `wgmma.mma_async`, and what our pass makes of it (docs/passes.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import z3

from tuner.constraints import Rule
from tuner.spaces.tiles import product

FEWEST_STAGES = 3
_SUBGROUPS = 4
_MOST_COLUMNS = 256
# Elements of 16 bits in a line of shared memory, whose chunks change places against bank conflicts.
_LINE = 64
# An instruction's rows, and the fewest columns that 128 threads copy by 16 bytes each.
_ROWS, _LEAST_COLUMNS = 64, 16
# Registers of all threads of a workgroup, and those of a thread beside its sums, at least.
_REGISTERS, _OTHER_REGISTERS = 64 * 1024, 40
_SOURCE = "our pass: a warpgroup's instruction takes 64 rows and all columns of the workgroup"
_LAYOUT = "our pass: the layout that the instruction reads has lines of 64 elements"


def suit_warpgroups(rows: Sequence[int], columns: int, sums: int, *, rhs_ends_with_sums: bool) -> bool:
    """Whether such a product fills tiles that warpgroups compute.

    `rows`: the extents of the loops of rows, in order; `columns`: those of the columns, multiplied. Tiles may reach
    over both, but never over the sums.
    """
    least = _LEAST_COLUMNS if rhs_ends_with_sums else _LINE
    has_tiles = prod(rows) >= _ROWS and columns >= least
    return has_tiles and sums % _LINE == 0 and sums // _LINE >= FEWEST_STAGES


def warpgroup_rules(
    chosen: z3.ArithRef,
    *,
    row_counts: Sequence[z3.ArithRef],
    row_tiles: Sequence[z3.ArithRef],
    column_counts: Sequence[z3.ArithRef],
    rows: z3.ArithRef,
    columns: z3.ArithRef,
    depth: z3.ArithRef,
    threads: z3.ArithRef,
    occupancy: z3.ArithRef,
    lhs_ends_with_sums: bool,
    rhs_ends_with_sums: bool,
) -> list[Rule]:
    """The rules if `chosen` is 1.

    By loop, in order: how many subgroups lie along the rows and the columns, and a subgroup's tiles of the rows. The
    workgroup's step has so many rows, columns and sums.
    """

    def rule(name: str, holds: z3.BoolRef, source: str) -> Rule:
        return Rule(f"with warpgroups {name}", z3.Or(chosen == 0, holds), source)

    return [
        rule("all subgroups lie along the rows", product(column_counts) == 1, _SOURCE),
        rule("subgroups come in fours", product(row_counts) % _SUBGROUPS == 0, _SOURCE),
        rule(f"there are at most {_MOST_COLUMNS} columns", columns <= _MOST_COLUMNS, _SOURCE),
        # A subgroup has several rows of an outer loop only if it has all of the inner ones.
        *(
            rule(
                "a subgroup's rows follow one another",
                z3.Or(tile == 1, product(row_counts[index + 1 :]) == 1),
                _SOURCE,
            )
            for index, tile in enumerate(row_tiles[:-1])
        ),
        rule(
            f"lines of the left operand have {_LINE} elements",
            (depth if lhs_ends_with_sums else rows) % _LINE == 0,
            _LAYOUT,
        ),
        rule(
            f"lines of the right operand have {_LINE} elements",
            (depth if rhs_ends_with_sums else columns) % _LINE == 0,
            _LAYOUT,
        ),
        rule(
            "registers hold a lane's sums and what else it needs",
            rows * columns + _OTHER_REGISTERS * threads <= _REGISTERS,
            "probed: ptxas refuses 512 threads of 128 sums (C7602)",
        ),
        rule("no occupancy is asked for", occupancy == 0, "their sums leave no registers to save"),
    ]

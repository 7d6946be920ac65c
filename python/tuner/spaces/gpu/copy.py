# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies between buffers on GPUs by Distribute: threads lie along the innermost loop and along one of rows.

Knobs: `columns` and `rows`, a workgroup's part of these loops; `column_threads` and `row_threads`, its threads along
them. A thread loads up to 16 bytes at once if its columns lie side by side. By default it loads one element.
Source: TileAndFuse tiles no op on buffers (probed: "tiling of level Thread failed").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.tiles import TARGETS, gpu_limits, has_known_types, per_loop, settings, thread_rules
from tuner.spaces.tiles import divisors, ordered, powers_of_two, thinned
from tuner.targets import Limits

_MOST_COLUMNS, _MOST_ROWS = 4096, 64
# Values of a knob of columns at most: the divisors of some sizes are many.
_MOST_VALUES = 16
# Elements that a thread copies at most, all of them unrolled.
_MOST_COPIED = 64
# Divisors of a loop of columns. If there are fewer, powers of two are taken, and the last workgroup checks its bounds.
_FEWEST_DIVISORS = 4


@dataclass(frozen=True, slots=True)
class GpuCopy:
    """All loops are parallel, and the ops have no result."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target in TARGETS and problem.kind == "copy" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu, (row, column) = gpu_limits(limits), _loops(problem)
        size = Knob("subgroup_size", gpu.subgroup_sizes)
        columns = Knob("columns", _columns(problem.loops[column].extent))
        rows = Knob("rows", _rows(1 if row is None else problem.loops[row].extent))
        most = gpu.max_workgroup_threads
        column_threads = Knob("column_threads", ordered(_counts(columns.domain, most)))
        row_threads = Knob("row_threads", ordered(_counts(rows.domain, most)))
        threads = column_threads.var * row_threads.var
        rules = (
            Rule(
                "threads divide the columns",
                columns.var % column_threads.var == 0,
                "otherwise every element is loaded by itself, behind a check",
            ),
            Rule("threads divide the rows", rows.var % row_threads.var == 0, "as for the columns"),
            *thread_rules(threads, size.var, gpu),
            Rule(
                f"a thread copies at most {_MOST_COPIED} elements",
                columns.var * rows.var <= _MOST_COPIED * threads,
                "estimate: copies are unrolled, and more workgroups hide more latency",
            ),
        )
        return Space((size, columns, rows, column_threads, row_threads), rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        row, column = _loops(problem)
        tiles = dict.fromkeys(range(len(problem.loops)), 1)
        if row is not None:
            tiles[row] = point["rows"]
        tiles[column] = point["columns"]
        return Configuration(
            "Distribute",
            {"workgroup": per_loop(len(problem.loops), tiles)},
            gpu=settings(point, (point["column_threads"], point["row_threads"], 1)),
        )


SPACE = GpuCopy()


def _loops(problem: Problem) -> tuple[int | None, int]:
    """The loop of rows, which is the one outside the innermost, if there is one; and the innermost loop."""
    column = len(problem.loops) - 1
    return (column - 1 if column else None), column


def _columns(extent: int) -> tuple[int, ...]:
    whole = [tile for tile in divisors(extent) if tile <= _MOST_COLUMNS]
    return thinned(whole if len(whole) >= _FEWEST_DIVISORS else powers_of_two(min(extent, _MOST_COLUMNS)), _MOST_VALUES)


def _rows(extent: int) -> tuple[int, ...]:
    return tuple(tile for tile in powers_of_two(_MOST_ROWS) if extent % tile == 0)


def _counts(tiles: tuple[int, ...], most: int) -> list[int]:
    """Threads that lie along a tile: its parts by powers of two, which are the elements of a thread."""
    parts = {tile // power for tile in tiles for power in powers_of_two(_MOST_COPIED) if tile % power == 0}
    return [count for count in parts if count <= most]

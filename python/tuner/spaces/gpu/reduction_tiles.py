# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""VectorDistribute for reductions: lanes and subgroups share the innermost reduced loop, and perhaps a loop of rows.

A step along the reduced loop is lanes times subgroups times a thread's load times its repeats. Knobs: `rows`, a
workgroup's rows; `row_lanes` and `row_subgroups`, those that lie along the rows (the others lie along the reduced
loop); `load`, the elements that a thread reads at once; `repeats`, the loads of a step; `step`, the whole step.
Source of the form: IREE, Dialect/GPU/TargetUtils/ReductionConfigUtils.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.tiles import (
    ELEMENT_BYTES,
    LOAD_BYTES,
    denormal_knobs,
    per_loop,
    settings,
    unlimited_occupancies,
)
from tuner.spaces.tiles import divisors, ordered, powers_of_two
from tuner.targets import GpuLimits

_MOST_ROWS = 16
_MOST_REPEATS = 16
# The most elements of a workgroup's rows that a thread holds at once.
_MOST_HELD = 128


def reduced_loop(problem: Problem) -> int:
    """The innermost reduced loop: the one that lanes share."""
    return max(index for index, loop in enumerate(problem.loops) if not loop.is_parallel)


def row_loop(problem: Problem) -> int | None:
    """The innermost parallel loop of more than one iteration, of which a workgroup may take several."""
    wide = [index for index, loop in enumerate(problem.loops) if loop.is_parallel and loop.extent > 1]
    return wide[-1] if wide else None


def reduction_space(problem: Problem, gpu: GpuLimits) -> Space:
    """What may be chosen for a reduction over whole multiples of the lanes."""
    extent = problem.loops[reduced_loop(problem)].extent
    row = row_loop(problem)
    count = problem.loops[row].extent if row is not None else 1
    narrowest = min(ELEMENT_BYTES[operand.element_type] for operand in problem.operands)
    most = gpu.max_workgroup_threads // min(gpu.subgroup_sizes)
    size = Knob("subgroup_size", gpu.subgroup_sizes)
    rows = Knob("rows", tuple(tile for tile in powers_of_two(min(count, _MOST_ROWS)) if count % tile == 0))
    row_lanes = Knob("row_lanes", rows.domain if _may_share_rows(problem) else (1,))
    row_subgroups = Knob("row_subgroups", rows.domain)
    subgroups = Knob("subgroups", _subgroups(extent // min(gpu.subgroup_sizes), most))
    load = Knob("load", tuple(powers_of_two(LOAD_BYTES // narrowest)))
    repeats = Knob("repeats", tuple(powers_of_two(_MOST_REPEATS)))
    step = Knob("step", tuple(divisors(extent)))
    held = rows.var / (row_lanes.var * row_subgroups.var) * load.var * repeats.var
    rules = [
        Rule(
            "a step is what all lanes along the reduced loop read",
            step.var * row_lanes.var * row_subgroups.var == size.var * subgroups.var * load.var * repeats.var,
            "what the knob stands for",
        ),
        Rule(
            "if lanes lie along the rows, one subgroup sums a row",
            z3.Or(row_lanes.var == 1, subgroups.var == row_subgroups.var),
            "measured on an H200: 44 of 172 other points gave wrong sums, and none of 228 of these",
        ),
        Rule(
            "lanes and subgroups along the rows divide the rows",
            rows.var % (row_lanes.var * row_subgroups.var) == 0,
            "IREE lays whole lanes over a tile",
        ),
        Rule(
            "lanes along the rows leave some for the sum",
            row_lanes.var <= size.var / 2,
            "otherwise lanes reduce nothing",
        ),
        Rule(
            "subgroups along the rows divide all", subgroups.var % row_subgroups.var == 0, "IREE's basis is a product"
        ),
        Rule(
            f"a workgroup has at most {gpu.max_workgroup_threads} threads",
            subgroups.var * size.var <= gpu.max_workgroup_threads,
            "the chip's limit, as the compiler states it",
        ),
        Rule(
            f"a thread holds at most {_MOST_HELD} elements of a step",
            held <= _MOST_HELD,
            "estimate: more spill, and take long to compile",
        ),
    ]
    if not _may_share_rows(problem):
        rules.append(
            Rule(
                "a norm's loop is one step, of which a thread holds one vector",
                z3.And(step.var == problem.loops[reduced_loop(problem)].extent, repeats.var == 1),
                "measured on an H200 with a norm of 512x1024: 13 other points gave wrong sums, none of 3 of these did",
            )
        )
    knobs = (
        size,
        rows,
        row_lanes,
        row_subgroups,
        subgroups,
        load,
        repeats,
        step,
        Knob("occupancy", unlimited_occupancies(gpu)),
        *denormal_knobs(gpu),
    )
    return Space(knobs, tuple(rules))


def _subgroups(steps: int, most: int) -> tuple[int, ...]:
    """Powers of two, and multiples of them that share the loop evenly: 3 or 6 for the 768 columns of a norm.

    `steps`: how often a subgroup that reads one element a lane goes along the loop.
    """
    odd = [divisor for divisor in divisors(steps) if divisor % 2]
    return ordered(count * divisor for divisor in odd for count in powers_of_two(most) if count * divisor <= most)


def _may_share_rows(problem: Problem) -> bool:
    """Whether lanes may lie along the rows.

    They may not if another reduction of the dispatch comes first and reaches the root op by further ops alone, as the
    mean of a norm reaches its variance. Probed on norms of 768 and 1024 columns in one dispatch: all of 12 such points
    failed ("failed to distribute"), none of 36 others did, and none of 36 such points of a softmax, whose sum reads the
    maxima itself, or of a single sum.
    """
    reductions = [follower for follower in problem.followers if "partial_reduction" in dict(follower.levels)]
    reduced = reduced_loop(problem)
    return not reductions or any(operand.loops and reduced not in operand.loops for operand in problem.operands[:-1])


def reduction_configuration(problem: Problem, point: Mapping[str, int]) -> Configuration:
    """The configuration that a point stands for. The ops around the root op follow it."""
    reduced, row, count = reduced_loop(problem), row_loop(problem), len(problem.loops)
    parallel = [index for index, loop in enumerate(problem.loops) if loop.is_parallel]
    outer = [index for index, loop in enumerate(problem.loops) if not loop.is_parallel and index != reduced]
    along = {} if row is None else {row: point["rows"]}
    lanes = {reduced: point["subgroup_size"] // point["row_lanes"]}
    subgroups = {reduced: point["subgroups"] // point["row_subgroups"]}
    if row is not None:
        lanes[row], subgroups[row] = point["row_lanes"], point["row_subgroups"]
    levels = {
        "workgroup": per_loop(count, {**dict.fromkeys(parallel, 1), **along}),
        "partial_reduction": per_loop(count, {**dict.fromkeys(outer, 1), reduced: point["step"]}),
        "thread": per_loop(count, {**dict.fromkeys(outer, 1), reduced: point["load"]}),
        "lane_basis": _counts(count, lanes),
        "subgroup_basis": _counts(count, subgroups),
    }
    return Configuration(
        "VectorDistribute",
        levels,
        others=_follow(problem, levels),
        gpu=replace(
            settings(point, (point["subgroups"] * point["subgroup_size"], 1, 1)),
            no_reduce_shared_memory_bank_conflicts=False,
            use_igemm_convolution=False,
        ),
    )


def _follow(problem: Problem, levels: Mapping[str, tuple[int, ...]]) -> dict[int, dict[str, tuple[int, ...]]]:
    """The other ops' levels: the compiler's own, with the root op's steps, loads, lanes and subgroups in shared loops.

    Source: in IREE's defaults the ops of such a dispatch have all of these in common.
    """
    others: dict[int, dict[str, tuple[int, ...]]] = {}
    for follower in problem.followers:
        followed: dict[str, tuple[int, ...]] = {}
        for name, sizes in follower.levels:
            source = levels["partial_reduction" if name == "serial" else name]
            followed[name] = tuple(
                _shared(source, loop, size, is_basis=name.endswith("basis"))
                for loop, size in zip(follower.loops, sizes, strict=False)
            )
        others[follower.number] = followed
    return others


def _shared(source: Sequence[int], loop: int, size: int, *, is_basis: bool) -> int:
    """The root op's size if it has the loop too and, except for bases, the loop is tiled by default."""
    return source[loop] if loop >= 0 and (size or is_basis) else size


def _counts(count: int, values: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(values.get(index, 1) for index in range(count))

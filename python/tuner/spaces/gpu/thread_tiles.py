# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""TileAndFuse without a matrix instruction: every thread computes a tile of the output with plain arithmetic.

Knobs are named after the level and the loop, as in `thread[m]`. Source of the form: IREE, `setContractConfig` in
LLVMGPU/KernelConfig.cpp and `setTileAndFuseLoweringConfig` in Dialect/GPU/TargetUtils.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.tiles import bytes_of, per_loop, settings, thread_rules, unlimited_occupancies
from tuner.spaces.tiles import divisors, knob_name, ordered, powers_of_two, product
from tuner.targets import GpuLimits

_MOST_TILE = 512
_MOST_THREAD_TILE = 16
_MOST_SUM_TILE = 64
_ACCUMULATORS = 64
_VECTOR = 1024
# The number of innermost loops of the output that a thread tiles. Of each other loop a workgroup takes at most
# `_MOST_OUTER` iterations, one to a thread.
_INNER = 2
_MOST_OUTER = 8


def thread_space(
    problem: Problem, gpu: GpuLimits, *, promoted: Sequence[int], inner: Sequence[int] | None = None
) -> Space:
    """What may be chosen if each thread computes a tile; `promoted` are values of that knob (`PROMOTED`).

    `inner`: the loops that a thread tiles; by default the innermost ones of the output that are no batch.
    """
    knobs = [Knob("subgroup_size", gpu.subgroup_sizes)]
    rules: list[Rule] = []
    workgroup: list[z3.ArithRef] = []
    thread: list[z3.ArithRef] = []
    counts: list[z3.ArithRef] = []
    sums: list[z3.ArithRef] = []
    if inner is None:
        own = [index for index, loop in enumerate(problem.loops) if loop.is_parallel and loop.role != "batch"]
        inner = own[-_INNER:]
    for index, (name, loop) in enumerate(zip(problem.loop_names, problem.loops, strict=True)):
        if not loop.is_parallel:
            step = Knob(knob_name("reduction", name), _sum_tiles(loop.extent))
            knobs.append(step)
            sums.append(step.var)
            continue
        tile = Knob(
            knob_name("workgroup", name), _workgroup_tiles(loop.extent, index in inner, max(gpu.subgroup_sizes))
        )
        part = Knob(knob_name("thread", name), _thread_tiles(tile.domain[-1]) if index in inner else (1,))
        knobs += [tile, part]
        workgroup.append(tile.var)
        thread.append(part.var)
        counts.append(tile.var / part.var)
        rules.append(
            Rule(
                f"a thread's tile divides the workgroup's tile of loop {name}",
                tile.var % part.var == 0,
                "IREE distributes whole tiles to threads",
            )
        )
    threads = product(counts)
    rules += thread_rules(threads, knobs[0].var, gpu)
    rules.append(
        Rule(
            f"a thread sums at most {_ACCUMULATORS} elements",
            product(thread) <= _ACCUMULATORS,
            "estimate: a quarter of a thread's 255 registers; the rest hold operands",
        )
    )
    rules.append(
        Rule(
            f"a thread's step is at most {_VECTOR} products",
            product(thread) * product(sums) <= _VECTOR,
            "measured: a step is unrolled, and larger ones take tens of seconds to compile",
        )
    )
    stage = Knob("promoted", tuple(promoted))
    knobs += [stage, Knob("occupancy", unlimited_occupancies(gpu))]
    if any(promoted):
        knobs.append(Knob("no_reduce_shared_memory_bank_conflicts", (0, 1)))
    if any(promoted):
        rows, columns, depth = _tile(problem, workgroup, "m"), _tile(problem, workgroup, "n"), product(sums)
        needed = depth * (bytes_of(problem, 0) * rows + bytes_of(problem, 1) * columns)
        rules.append(
            Rule(
                f"promoted tiles fit {gpu.shared_memory_bytes} bytes of shared memory",
                z3.Or(stage.var == 0, needed <= gpu.shared_memory_bytes),
                "the chip's limit, as the compiler states it",
            )
        )
    return Space(tuple(knobs), tuple(rules))


def thread_configuration(problem: Problem, point: Mapping[str, int], *, is_flat: bool) -> Configuration:
    """The configuration that a point stands for.

    `is_flat`: all threads lie along x, as IREE arranges them for everything but products.
    """
    count = len(problem.loops)
    parallel = [index for index, loop in enumerate(problem.loops) if loop.is_parallel]
    sums = [index for index, loop in enumerate(problem.loops) if not loop.is_parallel]
    loops = {"workgroup": parallel, "thread": parallel, "reduction": sums}
    levels = {
        level: per_loop(count, {loop: point[knob_name(level, problem.loop_names[loop])] for loop in tiled})
        for level, tiled in loops.items()
    }
    counts = [levels["workgroup"][loop] // levels["thread"][loop] for loop in parallel]
    first = prod(counts) if is_flat or len(counts) < 2 else counts[-2]
    chosen = settings(point, (first, prod(counts) // first, 1))
    if not is_flat:
        chosen = replace(chosen, use_igemm_convolution=False)
    return Configuration("TileAndFuse", levels, gpu=chosen)


def _tile(problem: Problem, workgroup: Sequence[z3.ArithRef], role: str) -> z3.ArithRef:
    roles = [loop.role for loop in problem.loops if loop.is_parallel]
    return product([tile for tile, own in zip(workgroup, roles, strict=True) if own in (role, "batch")])


def _workgroup_tiles(extent: int, is_inner: bool, lanes: int) -> tuple[int, ...]:
    """Powers of two up to the first that holds the loop and a subgroup, and divisors if there are few."""
    if not is_inner:
        return tuple(powers_of_two(min(extent, _MOST_OUTER)))
    whole = [tile for tile in divisors(extent) if tile <= _MOST_TILE]
    powers = powers_of_two(min(max(2 * extent - 1, lanes), _MOST_TILE))
    return ordered([*powers, *(whole if len(whole) <= 8 else [tile for tile in whole if tile % 8 == 0])])


def _thread_tiles(most: int) -> tuple[int, ...]:
    return ordered([*powers_of_two(min(most, _MOST_THREAD_TILE)), *(tile for tile in (3, 5, 7) if tile <= most)])


def _sum_tiles(extent: int) -> tuple[int, ...]:
    return ordered([*powers_of_two(min(extent, _MOST_SUM_TILE)), *(d for d in divisors(extent) if d <= 16)])

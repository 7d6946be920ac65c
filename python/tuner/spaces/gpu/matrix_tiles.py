# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""TileAndFuse with a matrix instruction: tiles of a product of rows [batch, m], columns [n] and sums [k].

A workgroup's tile along a loop is subgroups times a subgroup's tile, times the instruction's size for the innermost
loop of rows and of columns. Tiles of subgroups and of sums count instructions. Knobs are named after the level and
the loop. Source of the form: IREE, `getMatmulOrIGEMMLoweringConfigAndWorkgroupSize` in Dialect/GPU/TargetUtils.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.cpu.tiles import divisors, ordered, powers_of_two, product
from tuner.spaces.gpu.mma_sync_rules import is_measured, mma_sync_rules
from tuner.spaces.gpu.tiles import LOAD_BYTES, lookup, per_loop, settings, thread_rules, tiles
from tuner.targets import GpuLimits, MatrixIntrinsic

_EMITTED = "IREE's own constraints for f16 (--iree-codegen-emit-pipeline-constraints)"
_MOST_TILE = 512
_MOST_SUBGROUP_TILE = 16
_MOST_SUM_TILE = 512
_ACCUMULATORS = 128
_MOST_INSTRUCTIONS = 128
_MOST_LOADED_BYTES = 256
_RESIDENT_THREADS = (256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Product:
    """The loops of a product as TileAndFuse sees them, by number, in order; `extents` is by loop."""

    extents: tuple[int, ...]
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    sums: tuple[int, ...]
    lhs_bytes: int
    rhs_bytes: int
    sum_bytes: int


def matrix_intrinsics(problem: Problem, gpu: GpuLimits) -> tuple[MatrixIntrinsic, ...]:
    """The chip's instructions for a problem's element types, but for virtual ones.

    Source: IREE's own constraints leave virtual ones out for products; some do not compile here (probed).
    """
    lhs, rhs, sums = (operand.element_type for operand in problem.operands[:3])
    return tuple(each for each in gpu.intrinsics_for(lhs, rhs, sums) if not each.is_virtual)


def matrix_space(
    shape: Product,
    intrinsics: tuple[MatrixIntrinsic, ...],
    gpu: GpuLimits,
    promoted_values: Sequence[int] = (0, 1, 2, 3),
) -> Space:
    """What may be chosen for the product with these instructions; `promoted_values` are keys of `PROMOTED`."""
    intrinsic = Knob("intrinsic", tuple(sorted(each.number for each in intrinsics)))
    subgroup_size = Knob("subgroup_size", ordered(each.subgroup_size for each in intrinsics))
    stages = Knob("prefetch_num_stages", (0, 2, 3))
    knobs = [intrinsic, subgroup_size, stages]
    m, n, k = (
        lookup(intrinsic.var, [(each.number, getattr(each, axis)) for each in intrinsics]) for axis in ("m", "n", "k")
    )
    size = lookup(intrinsic.var, [(each.number, each.subgroup_size) for each in intrinsics])
    rules = [
        Rule("the subgroup is the instruction's", subgroup_size.var == size, "an instruction runs on one subgroup")
    ]
    unit = {shape.rows[-1]: m, shape.columns[-1]: n}
    least = {
        shape.rows[-1]: min(each.m for each in intrinsics),
        shape.columns[-1]: min(each.n for each in intrinsics),
    }
    workgroup: dict[int, z3.ArithRef] = {}
    subgroup: dict[int, z3.ArithRef] = {}
    counts: list[z3.ArithRef] = []
    along: list[dict[int, int]] = []
    aligned: list[z3.BoolRef] = []
    for loop in (*shape.rows, *shape.columns):
        extent = shape.extents[loop]
        tile = Knob(f"workgroup{loop}", tiles(extent, least.get(loop, 1), _MOST_TILE))
        part = Knob(f"subgroup{loop}", _subgroup_tiles(ceil(tile.domain[-1] / least.get(loop, 1))))
        knobs += [tile, part]
        step = part.var * unit.get(loop, z3.IntVal(1))
        workgroup[loop], subgroup[loop] = tile.var, part.var
        counts.append(tile.var / step)
        along.append({size: ceil(extent / size) for size in tile.domain})
        aligned.append(extent % tile.var == 0)
        rules.append(
            Rule(
                f"a subgroup's instructions divide the workgroup's tile of loop {loop}", tile.var % step == 0, _EMITTED
            )
        )
    inner = shape.sums[-1]
    sums = Knob(f"reduction{inner}", _sum_tiles(shape.extents[inner], intrinsics))
    promoted = Knob("promoted", tuple(promoted_values))
    conflicts = Knob("no_reduce_shared_memory_bank_conflicts", (0, 1))
    padded = Knob("padded", (0, 1))
    knobs += [sums, promoted, conflicts, padded]
    rules.append(
        Rule(
            "without shared memory there are no stages and no bank conflicts",
            z3.Or(promoted.var != 0, z3.And(stages.var == 0, conflicts.var == 0)),
            "neither option has an effect then",
        )
    )
    depth = sums.var * k
    aligned.append(shape.extents[inner] % depth == 0)
    rules += [
        Rule(
            "operands are padded where tiles leave a remainder",
            z3.Or(padded.var == 1, z3.And(aligned)),
            "IREE pads where a bound is no multiple of a tile; an instruction needs whole tiles",
        ),
        Rule(f"a step's sums are at most {_MOST_SUM_TILE} deep", depth <= _MOST_SUM_TILE, _EMITTED),
    ]
    rows, columns = (product([workgroup[loop] for loop in loops]) for loops in (shape.rows, shape.columns))
    threads = product(counts) * subgroup_size.var
    rules += thread_rules(threads, subgroup_size.var, gpu)
    rules += [
        Rule(f"a workgroup's rows are at most {_MOST_TILE}", rows <= _MOST_TILE, _EMITTED),
        Rule(f"a workgroup's columns are at most {_MOST_TILE}", columns <= _MOST_TILE, _EMITTED),
        Rule(
            f"a lane sums at most {_ACCUMULATORS} elements",
            rows * columns <= _ACCUMULATORS * threads,
            "estimate: half of the 255 registers of an NVIDIA thread; more spill, and take long to compile",
        ),
        Rule(
            f"the tiles in shared memory fit {gpu.shared_memory_bytes} bytes",
            _shared_bytes(shape, promoted.var, padded.var, rows, columns, depth) <= gpu.shared_memory_bytes,
            "probed: the compiler reports these sizes where they are too large, and refuses them",
        ),
    ]
    loaded = depth * (shape.lhs_bytes * rows + shape.rhs_bytes * columns)
    rules += [
        Rule(
            f"a subgroup runs at most {_MOST_INSTRUCTIONS} instructions in a step",
            product(list(subgroup.values())) * sums.var <= _MOST_INSTRUCTIONS,
            "probed: they are unrolled, and more take tens of seconds to compile",
        ),
        Rule(
            f"a thread loads at most {_MOST_LOADED_BYTES} bytes in a step",
            loaded <= _MOST_LOADED_BYTES * threads,
            "probed: they are unrolled, and more take tens of seconds to compile",
        ),
    ]
    loads = [
        depth * tile % (threads * (LOAD_BYTES // element_bytes)) == 0
        for tile, element_bytes in ((rows, shape.lhs_bytes), (columns, shape.rhs_bytes))
    ]
    rules.append(
        Rule(
            "with 3 stages every thread loads equally much",
            z3.Or(stages.var < 3, promoted.var != 3, z3.And(loads)),
            "probed on gfx942: the compiler crashes else",
        )
    )
    grid = list(zip(workgroup, along, strict=True))
    occupancy = Knob("occupancy", gpu.occupancies)
    knobs += [
        occupancy,
        Knob(
            "threads", tuple(range(min(subgroup_size.domain), gpu.max_workgroup_threads + 1, min(subgroup_size.domain)))
        ),
        Knob("depth", ordered(tile * each.k for tile in sums.domain for each in intrinsics)),
        Knob("lane_sums", tuple(range(1, _ACCUMULATORS + 1))),
        Knob("workgroups", ordered(prod(many) for many in itertools.product(*(many.values() for _, many in grid)))),
    ]
    rules += [
        Rule("threads are those of all subgroups", z3.Int("threads") == threads, "what the knob stands for"),
        Rule(
            "lane sums are a lane's part of a workgroup's",
            rows * columns / threads == z3.Int("lane_sums"),
            "what the knob stands for",
        ),
        Rule(
            "workgroups are those of all tiles, of one batch",
            z3.Int("workgroups") == product([lookup(workgroup[loop], many.items()) for loop, many in grid]),
            "what the knob stands for",
        ),
        Rule("depth is that of all instructions of a step", z3.Int("depth") == depth, "what the knob stands for"),
    ]
    if gpu.processors is not None:
        runs = z3.Int("workgroups") * prod(shape.extents[loop] for loop in shape.batch)
        filled = [_filled(gpu.processors, resident, runs, z3.Int("threads")) for resident in _RESIDENT_THREADS]
        knobs += [knob for knob, _ in filled]
        rules += [rule for _, rule in filled]
    if is_measured(intrinsics):
        rules += mma_sync_rules(
            stages=stages.var,
            occupancy=occupancy,
            lane_sums=z3.Int("lane_sums"),
            promoted=promoted.var,
            conflicts=conflicts.var,
            padded=padded.var,
            aligned=z3.And(aligned),
            threads=threads,
            depth=depth,
        )
    return Space(tuple(knobs), tuple(rules))


def matrix_configuration(shape: Product, point: Mapping[str, int], *, of_convolution: bool = False) -> Configuration:
    """The configuration that a point stands for."""
    count = len(shape.extents)
    parallel = (*shape.rows, *shape.columns)
    workgroup = {**dict.fromkeys(shape.batch, 1), **{loop: point[f"workgroup{loop}"] for loop in parallel}}
    *outer, inner = shape.sums
    levels = {
        "workgroup": per_loop(count, workgroup),
        "subgroup": per_loop(count, {loop: point[f"subgroup{loop}"] for loop in parallel}),
        "reduction": per_loop(count, {**dict.fromkeys(outer, 1), inner: point[f"reduction{inner}"]}),
    }
    if point["padded"]:
        levels["padding"] = per_loop(count, {**workgroup, **dict.fromkeys(outer, 1), inner: point["depth"]})
    return Configuration(
        "TileAndFuse",
        levels,
        gpu=replace(
            settings(point, (point["threads"], 1, 1)),
            intrinsic=point["intrinsic"],
            use_igemm_convolution=of_convolution,
        ),
    )


def _filled(processors: int, resident: int, workgroups: z3.ArithRef, threads: z3.ArithRef) -> tuple[Knob, Rule]:
    """The percentage of places for workgroups that are taken, where a processor runs so many threads at a time.

    The last round of workgroups leaves the others empty. How many run at a time is the registers' affair and known to
    the assembler alone, so models get it for several numbers of threads.
    """
    knob = Knob(f"filled_at_{resident}_threads", tuple(range(101)))
    places = processors * z3.If(threads <= resident, resident / threads, 1)
    rounds = (workgroups + (places - 1)) / places
    return knob, Rule(
        f"{knob.name} is what all rounds of workgroups fill, in percent",
        knob.var == 100 * workgroups / (rounds * places),
        "what the knob stands for",
    )


def _shared_bytes(
    shape: Product,
    promoted: z3.ArithRef,
    padded: z3.ArithRef,
    rows: z3.ArithRef,
    columns: z3.ArithRef,
    depth: z3.ArithRef,
) -> z3.ArithRef:
    """The promoted tiles; where an operand is padded and not promoted, the output's tile goes there too."""
    lhs = z3.If(promoted % 2 == 1, shape.lhs_bytes * rows, 0)
    rhs = z3.If(promoted >= 2, shape.rhs_bytes * columns, 0)
    output = z3.If(z3.And(padded == 1, promoted != 3), shape.sum_bytes * rows * columns, 0)
    return depth * (lhs + rhs) + output


def _subgroup_tiles(most: int) -> tuple[int, ...]:
    most = max(1, min(most, _MOST_SUBGROUP_TILE))
    return ordered([*powers_of_two(most), *(tile for tile in (3, 5, 6, 7, 10, 12) if tile <= most)])


def _sum_tiles(extent: int, intrinsics: tuple[MatrixIntrinsic, ...]) -> tuple[int, ...]:
    deepest = max(1, _MOST_SUM_TILE // min(each.k for each in intrinsics))
    whole = [tile for each in intrinsics for tile in divisors(ceil(extent / each.k)) if tile <= deepest]
    return ordered([*powers_of_two(deepest), *whole])

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""TileAndFuse with a matrix instruction: tiles of a product of rows [batch, m], columns [n] and sums [k].

A workgroup's tile along a loop is subgroups times a subgroup's tile, times the instruction's size for the innermost
loop of rows and of columns. Tiles of subgroups and of sums count instructions. Knobs are named after the level and
the loop, as in `workgroup[m]`. Source of the form: IREE, `getMatmulOrIGEMMLoweringConfigAndWorkgroupSize` in
Dialect/GPU/TargetUtils.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.feeding import FeedingKnobs, with_feeding
from tuner.spaces.gpu.mma_sync_rules import is_measured, mma_sync_rules
from tuner.spaces.gpu.tiles import LOAD_BYTES, lookup, per_loop, settings, thread_rules, tiles
from tuner.spaces.gpu.warpgroups import suit_warpgroups, warpgroup_rules
from tuner.spaces.gpu.workgroup_order import ALONG_COLUMNS, Tiles, order_rules
from tuner.spaces.tiles import divisors, knob_name, ordered, powers_of_two, product
from tuner.targets import GpuLimits, MatrixIntrinsic

_EMITTED = "IREE's own constraints for f16 (--iree-codegen-emit-pipeline-constraints)"
_MOST_TILE = 512
_MOST_SUBGROUP_TILE = 16
_MOST_WARPGROUP_TILE = 32
_MOST_SUM_TILE = 512
_ACCUMULATORS = 128
_MOST_INSTRUCTIONS = 128
_MOST_LOADED_BYTES = 256
_RESIDENT_THREADS = (256, 512, 1024)
_LANE_SUMS = "lane_sums"
_STANDS_FOR = "what the knob stands for"


@dataclass(frozen=True, slots=True)
class Product:
    """The loops of a product as TileAndFuse sees them, by number, in order; `names` and `extents` are by loop.

    `lhs_ends_with_sums`, `rhs_ends_with_sums`: whether an operand's innermost loop is one of sums. `copies_whole`:
    whether copies of `LOAD_BYTES` bytes can read both operands.
    """

    names: tuple[str, ...]
    extents: tuple[int, ...]
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    sums: tuple[int, ...]
    lhs_bytes: int
    rhs_bytes: int
    sum_bytes: int
    lhs_ends_with_sums: bool
    rhs_ends_with_sums: bool
    copies_whole: bool


def matrix_intrinsics(problem: Problem, gpu: GpuLimits) -> tuple[MatrixIntrinsic, ...]:
    """The chip's instructions for a problem's element types, except virtual ones.

    Source: IREE's own constraints leave virtual ones out for products; some do not compile here (probed).
    """
    lhs, rhs, sums = (operand.element_type for operand in problem.operands[:3])
    return tuple(intrinsic for intrinsic in gpu.intrinsics_for(lhs, rhs, sums) if not intrinsic.is_virtual)


def matrix_space(
    shape: Product,
    intrinsics: tuple[MatrixIntrinsic, ...],
    gpu: GpuLimits,
    promoted_values: Sequence[int] = (0, 1, 2, 3),
) -> Space:
    """What may be chosen for the product with these instructions; `promoted_values` are keys of `PROMOTED`."""
    chosen = _Chosen.of(intrinsics)
    tiled = _Tiled.of(shape, intrinsics, chosen, _most_subgroup_tile(gpu))
    options = _Options.of(promoted_values, shape, intrinsics, gpu)
    work = _Work.of(shape, chosen, tiled)
    figures = _figures(shape, intrinsics, gpu, chosen, tiled, work)
    knobs = (
        *(chosen.intrinsic, chosen.subgroup_size, *options.feeding.knobs),
        *(*tiled.knobs, options.promoted, options.padded, options.occupancy, *options.order),
        *(knob for knob, _ in figures),
    )
    rules = [
        chosen.rule,
        *tiled.rules,
        *_option_rules(shape, chosen, options, tiled, work),
        *_limit_rules(shape, gpu, chosen, options, work),
        *_cost_rules(shape, tiled, work),
        *_feeding_rules(shape, tiled, options, work),
        *(rule for _, rule in figures),
    ]
    if is_measured(intrinsics):
        rules += _image_rules(shape, tiled)
        rules += _warpgroup_rules(shape, tiled, options, work)
        rules += _order_rules(shape, gpu, tiled, options)
        rules += mma_sync_rules(
            occupancy=options.occupancy,
            lane_sums=z3.Int(_LANE_SUMS),
            promoted=options.promoted.var,
            reduces_conflicts=z3.Or(options.feeding.padding_bits.var != 0, options.feeding.by_warpgroups == 1),
            padded=options.padded.var,
            aligned=z3.And(tiled.aligned),
            threads=work.threads,
            depth=work.depth,
        )
    return Space(knobs, tuple(rules))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The instruction that is chosen: its shape [m, n, k] and the subgroup that it runs on."""

    intrinsic: Knob
    subgroup_size: Knob
    m: z3.ArithRef
    n: z3.ArithRef
    k: z3.ArithRef
    rule: Rule

    @staticmethod
    def of(intrinsics: Sequence[MatrixIntrinsic]) -> _Chosen:
        intrinsic = Knob("intrinsic", tuple(sorted(instruction.number for instruction in intrinsics)))
        subgroup_size = Knob("subgroup_size", ordered(instruction.subgroup_size for instruction in intrinsics))
        m, n, k, size = (
            lookup(intrinsic.var, [(instruction.number, getattr(instruction, name)) for instruction in intrinsics])
            for name in ("m", "n", "k", "subgroup_size")
        )
        rule = Rule(
            "the subgroup is the instruction's", subgroup_size.var == size, "an instruction runs on one subgroup"
        )
        return _Chosen(intrinsic, subgroup_size, m, n, k, rule)


@dataclass(frozen=True, slots=True)
class _Tiled:
    """The tiles of rows, columns and sums, by loop.

    `counts` are the subgroups of a workgroup along each loop, `along` the workgroups along each loop for each tile of
    its domain, `sums` the instructions of a step, `aligned` whether tiles leave no remainder.
    """

    knobs: tuple[Knob, ...]
    workgroup: Mapping[int, z3.ArithRef]
    subgroup: Mapping[int, z3.ArithRef]
    sums: Knob
    counts: Mapping[int, z3.ArithRef]
    along: Mapping[int, Mapping[int, int]]
    aligned: tuple[z3.BoolRef, ...]
    rules: tuple[Rule, ...]

    @staticmethod
    def of(shape: Product, intrinsics: Sequence[MatrixIntrinsic], chosen: _Chosen, most: int) -> _Tiled:
        """`most`: a subgroup's instructions along one loop, at most."""
        unit = {shape.rows[-1]: chosen.m, shape.columns[-1]: chosen.n}
        least = {
            shape.rows[-1]: min(instruction.m for instruction in intrinsics),
            shape.columns[-1]: min(instruction.n for instruction in intrinsics),
        }
        knobs: list[Knob] = []
        workgroup: dict[int, z3.ArithRef] = {}
        subgroup: dict[int, z3.ArithRef] = {}
        counts: dict[int, z3.ArithRef] = {}
        along: dict[int, dict[int, int]] = {}
        rules: list[Rule] = []
        for loop in (*shape.rows, *shape.columns):
            extent, name = shape.extents[loop], shape.names[loop]
            tile = Knob(knob_name("workgroup", name), tiles(extent, least.get(loop, 1), _MOST_TILE))
            whole = ceil(tile.domain[-1] / least.get(loop, 1))
            part = Knob(knob_name("subgroup", name), _subgroup_tiles(max(1, min(whole, most))))
            knobs += [tile, part]
            step = part.var * unit.get(loop, z3.IntVal(1))
            workgroup[loop], subgroup[loop] = tile.var, part.var
            counts[loop] = tile.var / step
            along[loop] = {size: ceil(extent / size) for size in tile.domain}
            rules.append(
                Rule(
                    f"a subgroup's instructions divide the workgroup's tile of loop {name}",
                    tile.var % step == 0,
                    _EMITTED,
                )
            )
        inner = shape.sums[-1]
        sums = Knob(knob_name("reduction", shape.names[inner]), _sum_tiles(shape.extents[inner], intrinsics))
        aligned = [shape.extents[loop] % tile == 0 for loop, tile in workgroup.items()]
        aligned.append(shape.extents[inner] % (sums.var * chosen.k) == 0)
        return _Tiled((*knobs, sums), workgroup, subgroup, sums, counts, along, tuple(aligned), tuple(rules))


@dataclass(frozen=True, slots=True)
class _Options:
    """What may be chosen beside tiles."""

    feeding: FeedingKnobs
    promoted: Knob
    padded: Knob
    occupancy: Knob
    order: tuple[Knob, ...]

    @staticmethod
    def of(
        promoted_values: Sequence[int], shape: Product, intrinsics: Sequence[MatrixIntrinsic], gpu: GpuLimits
    ) -> _Options:
        return _Options(
            feeding=FeedingKnobs.of(
                intrinsics,
                lists_passes=gpu.lists_passes,
                copies_whole=shape.copies_whole,
                has_warpgroups=_suits_warpgroups(shape, gpu),
            ),
            promoted=Knob("promoted", tuple(promoted_values)),
            padded=Knob("padded", (0, 1)),
            occupancy=Knob("occupancy", gpu.occupancies),
            order=(ALONG_COLUMNS,) if is_measured(intrinsics) and _is_plain(shape) and gpu.processors else (),
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """The rows, columns and sums of a workgroup's step, and the threads that compute them."""

    rows: z3.ArithRef
    columns: z3.ArithRef
    depth: z3.ArithRef
    threads: z3.ArithRef

    @staticmethod
    def of(shape: Product, chosen: _Chosen, tiled: _Tiled) -> _Work:
        rows, columns = (product(tiled.workgroup[loop] for loop in loops) for loops in (shape.rows, shape.columns))
        return _Work(
            rows, columns, tiled.sums.var * chosen.k, product(tiled.counts.values()) * chosen.subgroup_size.var
        )


def _option_rules(shape: Product, chosen: _Chosen, options: _Options, tiled: _Tiled, work: _Work) -> list[Rule]:
    return [
        Rule(
            "without shared memory there are no stages and no padded rows",
            z3.Or(options.promoted.var != 0, options.feeding.is_plain),
            "the options have no effect then",
        ),
        Rule(
            "operands are padded if tiles leave a remainder",
            z3.Or(options.padded.var == 1, z3.And(tiled.aligned)),
            "IREE pads if a bound is no multiple of a tile; an instruction needs whole tiles",
        ),
        Rule(f"a step's sums are at most {_MOST_SUM_TILE} deep", work.depth <= _MOST_SUM_TILE, _EMITTED),
        Rule(
            "a step has no instruction without sums",
            work.depth < shape.extents[shape.sums[-1]] + chosen.k,
            "measured on an H200: IREE's code reads beyond the operands then, NaN if they end there",
        ),
    ]


def _limit_rules(shape: Product, gpu: GpuLimits, chosen: _Chosen, options: _Options, work: _Work) -> list[Rule]:
    """The rules on threads, accumulators and shared memory."""
    shared = _shared_bytes(shape, options, work)
    return [
        *thread_rules(work.threads, chosen.subgroup_size.var, gpu),
        Rule(f"a workgroup's rows are at most {_MOST_TILE}", work.rows <= _MOST_TILE, _EMITTED),
        Rule(f"a workgroup's columns are at most {_MOST_TILE}", work.columns <= _MOST_TILE, _EMITTED),
        Rule(
            f"a lane sums at most {_ACCUMULATORS} elements",
            work.rows * work.columns <= _ACCUMULATORS * work.threads,
            "estimate: half of the 255 registers of an NVIDIA thread; more spill, and take long to compile",
        ),
        Rule(
            f"the tiles in shared memory fit {gpu.shared_memory_bytes} bytes",
            shared <= z3.If(options.feeding.by_warpgroups == 1, gpu.warpgroup_memory_bytes, gpu.shared_memory_bytes),
            "probed: the compiler reports these sizes if they are too large, and refuses them",
        ),
    ]


def _cost_rules(shape: Product, tiled: _Tiled, work: _Work) -> list[Rule]:
    """The rules on the length of a step."""
    loaded = work.depth * (shape.lhs_bytes * work.rows + shape.rhs_bytes * work.columns)
    return [
        Rule(
            f"a subgroup runs at most {_MOST_INSTRUCTIONS} instructions in a step",
            product(tiled.subgroup.values()) * tiled.sums.var <= _MOST_INSTRUCTIONS,
            "probed: they are unrolled, and more take tens of seconds to compile",
        ),
        Rule(
            f"a thread loads at most {_MOST_LOADED_BYTES} bytes in a step",
            loaded <= _MOST_LOADED_BYTES * work.threads,
            "probed: they are unrolled, and more take tens of seconds to compile",
        ),
    ]


def _feeding_rules(shape: Product, tiled: _Tiled, options: _Options, work: _Work) -> list[Rule]:
    tiles_and_loads = [
        (work.depth * tile, work.threads * (LOAD_BYTES // element_bytes))
        for tile, element_bytes in ((work.rows, shape.lhs_bytes), (work.columns, shape.rhs_bytes))
    ]
    return options.feeding.rules(
        promoted=options.promoted.var,
        padded=options.padded.var,
        steps=shape.extents[shape.sums[-1]] / work.depth,
        instructions=tiled.sums.var,
        spreads=z3.And([tile % loads == 0 for tile, loads in tiles_and_loads]),
        repeats=z3.And([tile > loads for tile, loads in tiles_and_loads]),
    )


def _image_rules(shape: Product, tiled: _Tiled) -> list[Rule]:
    """The rule for rows of several loops, as those of images are."""
    if len(shape.rows) == 1:
        return []
    tiles_and_sizes = [(tiled.workgroup[loop], shape.extents[loop]) for loop in shape.rows]
    return [
        Rule(
            "tiles of images divide them or hold them whole",
            z3.And([z3.Or(tile >= size, size % tile == 0) for tile, size in tiles_and_sizes]),
            "measured on an H200: otherwise operands of fused ops are read one by one; with images of 7 and 14 rows"
            " candidates took 130 to 1380 us so, 12 to 82 without",
        )
    ]


def _warpgroup_rules(shape: Product, tiled: _Tiled, options: _Options, work: _Work) -> list[Rule]:
    return warpgroup_rules(
        options.feeding.by_warpgroups,
        row_counts=[tiled.counts[loop] for loop in shape.rows],
        row_tiles=[tiled.subgroup[loop] for loop in shape.rows],
        column_counts=[tiled.counts[loop] for loop in shape.columns],
        rows=work.rows,
        columns=work.columns,
        depth=work.depth,
        threads=work.threads,
        occupancy=options.occupancy.var,
        lhs_ends_with_sums=shape.lhs_ends_with_sums,
        rhs_ends_with_sums=shape.rhs_ends_with_sums,
    )


def _order_rules(shape: Product, gpu: GpuLimits, tiled: _Tiled, options: _Options) -> list[Rule]:
    if not options.order or options.feeding.stages is None or gpu.processors is None:
        return []
    (row,), (column,) = shape.rows, shape.columns
    return order_rules(
        options.feeding.stages.var,
        Tiles(tiled.workgroup[row], tiled.along[row]),
        Tiles(tiled.workgroup[column], tiled.along[column]),
        gpu.processors,
    )


def _figures(
    shape: Product,
    intrinsics: Sequence[MatrixIntrinsic],
    gpu: GpuLimits,
    chosen: _Chosen,
    tiled: _Tiled,
    work: _Work,
) -> list[tuple[Knob, Rule]]:
    """Figures that follow from the other knobs: models of a search learn from them, configurations use some."""
    smallest = min(chosen.subgroup_size.domain)
    counts = itertools.product(*(by_tile.values() for by_tile in tiled.along.values()))
    figures = [
        _figure(
            Knob("threads", tuple(range(smallest, gpu.max_workgroup_threads + 1, smallest))),
            "threads are those of all subgroups",
            work.threads,
        ),
        _figure(
            Knob("depth", ordered(tile * instruction.k for tile in tiled.sums.domain for instruction in intrinsics)),
            "depth is that of all instructions of a step",
            work.depth,
        ),
        _figure(
            Knob(_LANE_SUMS, tuple(range(1, _ACCUMULATORS + 1))),
            "lane sums are a lane's part of a workgroup's",
            work.rows * work.columns / work.threads,
        ),
        _figure(
            Knob("workgroups", ordered(prod(many) for many in counts)),
            "workgroups are those of all tiles, of one batch",
            product(lookup(tiled.workgroup[loop], by_tile.items()) for loop, by_tile in tiled.along.items()),
        ),
    ]
    if gpu.processors is not None:
        runs = z3.Int("workgroups") * prod(shape.extents[loop] for loop in shape.batch)
        figures += [_filled(gpu.processors, resident, runs, z3.Int("threads")) for resident in _RESIDENT_THREADS]
    return figures


def _figure(knob: Knob, name: str, value: z3.ArithRef) -> tuple[Knob, Rule]:
    return knob, Rule(name, knob.var == value, _STANDS_FOR)


def matrix_configuration(shape: Product, point: Mapping[str, int], *, of_convolution: bool = False) -> Configuration:
    """The configuration that a point stands for."""
    count = len(shape.extents)
    parallel = (*shape.rows, *shape.columns)
    *outer, inner = shape.sums

    def tile(level: str, loop: int) -> int:
        return point[knob_name(level, shape.names[loop])]

    workgroup = {**dict.fromkeys(shape.batch, 1), **{loop: tile("workgroup", loop) for loop in parallel}}
    levels = {
        "workgroup": per_loop(count, workgroup),
        "subgroup": per_loop(count, {loop: tile("subgroup", loop) for loop in parallel}),
        "reduction": per_loop(count, {**dict.fromkeys(outer, 1), inner: tile("reduction", inner)}),
    }
    if point["padded"]:
        levels["padding"] = per_loop(count, {**workgroup, **dict.fromkeys(outer, 1), inner: point["depth"]})
    return Configuration(
        "TileAndFuse",
        levels,
        gpu=replace(
            with_feeding(settings(point, (point["threads"], 1, 1)), point),
            intrinsic=point["intrinsic"],
            use_igemm_convolution=of_convolution,
        ),
    )


def _filled(processors: int, resident: int, workgroups: z3.ArithRef, threads: z3.ArithRef) -> tuple[Knob, Rule]:
    """The percentage of places for workgroups that are taken if a processor runs `resident` threads at a time.

    The last round of workgroups leaves the other places empty. How many run at a time depends on the registers, which
    only the assembler knows, so models get the percentage for several numbers of threads.
    """
    knob = Knob(f"filled_at_{resident}_threads", tuple(range(101)))
    places = processors * z3.If(threads <= resident, resident / threads, 1)
    rounds = (workgroups + (places - 1)) / places
    return knob, Rule(
        f"{knob.name} is what all rounds of workgroups fill, in percent",
        knob.var == 100 * workgroups / (rounds * places),
        _STANDS_FOR,
    )


def _shared_bytes(shape: Product, options: _Options, work: _Work) -> z3.ArithRef:
    """The promoted tiles; if an operand is padded and not promoted, the output's tile goes there too."""
    promoted, feeding = options.promoted.var, options.feeding
    lhs = shape.lhs_bytes * work.rows * work.depth
    lhs += feeding.padded_bytes(work.rows if shape.lhs_ends_with_sums else work.depth)
    rhs = shape.rhs_bytes * work.columns * work.depth
    rhs += feeding.padded_bytes(work.columns if shape.rhs_ends_with_sums else work.depth)
    tiles_held = feeding.tiles_held * (z3.If(promoted % 2 == 1, lhs, 0) + z3.If(promoted >= 2, rhs, 0))
    output = z3.If(z3.And(options.padded.var == 1, promoted != 3), shape.sum_bytes * work.rows * work.columns, 0)
    return tiles_held + output


def _is_plain(shape: Product) -> bool:
    """Whether it is one product of rows and columns: no batch, no image."""
    return not shape.batch and len(shape.rows) == len(shape.columns) == 1


def _suits_warpgroups(shape: Product, gpu: GpuLimits) -> bool:
    return gpu.warpgroup_memory_bytes > 0 and suit_warpgroups(
        [shape.extents[loop] for loop in shape.rows],
        prod(shape.extents[loop] for loop in shape.columns),
        shape.extents[shape.sums[-1]],
        rhs_ends_with_sums=shape.rhs_ends_with_sums,
    )


def _most_subgroup_tile(gpu: GpuLimits) -> int:
    """A warpgroup's subgroups have all columns, up to 32 times an instruction's 8."""
    return _MOST_WARPGROUP_TILE if gpu.warpgroup_memory_bytes else _MOST_SUBGROUP_TILE


def _subgroup_tiles(most: int) -> tuple[int, ...]:
    return ordered([*powers_of_two(most), *(tile for tile in (3, 5, 6, 7, 10, 12) if tile <= most)])


def _sum_tiles(extent: int, intrinsics: Sequence[MatrixIntrinsic]) -> tuple[int, ...]:
    depths = [instruction.k for instruction in intrinsics]
    deepest = max(1, _MOST_SUM_TILE // min(depths))
    whole = [tile for depth in depths for tile in divisors(ceil(extent / depth)) if tile <= deepest]
    return ordered([*powers_of_two(deepest), *whole])

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention for every GPU's code generator: its tiles, and its two products' configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import z3

from tuner.constraints import Rule
from tuner.dispatch import Configuration, GpuSettings, Problem
from tuner.spaces.attention import AttentionLoops
from tuner.spaces.gpu.tiles import FLUSHES, LOAD_BYTES, bytes_of, per_loop
from tuner.spaces.tiles import divisors
from tuner.targets import GpuLimits

MOST_QUERIES = MOST_KEYS = 256


def _decomposition(loops: AttentionLoops, counts: dict[int, int], first: str, second: str) -> str:
    """The configurations of both products, as IREE prints them: `counts` of subgroups along loops, and instructions.

    The instructions are attributes, as in `#iree_gpu.mma_layout<MFMA_F32_16x16x16_F16>`.
    """
    count = len(loops.batch) + 4
    basis = [counts.get(index, 1) for index in range(count)]
    qk = _part(first, (0, 1), basis, [index for index in range(count) if index != loops.values])
    pv = _part(second, (1,), basis, [index for index in range(count) if index != loops.features])
    return f"{{pv_attrs = {pv}, qk_attrs = {qk}}}"


def tile_rules(
    problem: Problem,
    gpu: GpuLimits,
    loops: AttentionLoops,
    tiled: tuple[z3.ArithRef, z3.ArithRef, z3.ArithRef],
    threads: z3.ArithRef,
) -> tuple[Rule, ...]:
    """The rules on a workgroup's tiles of queries, values and keys (in this order), for all instructions."""
    queries, values, keys = tiled
    features = problem.loops[loops.features].extent
    lanes = LOAD_BYTES // bytes_of(problem, 0)
    promoted = (queries * features, keys * features, keys * values)
    return (
        Rule(
            f"a workgroup has at most {gpu.max_workgroup_threads} threads",
            threads <= gpu.max_workgroup_threads,
            "the chip's limit, as the compiler states it",
        ),
        # The first product's result may reach the second through shared memory too (probed: mostly it does).
        Rule(
            f"query, key, value and probability tiles fit {gpu.shared_memory_bytes} bytes of shared memory",
            bytes_of(problem, 0) * (z3.Sum(*promoted, queries * keys)) <= gpu.shared_memory_bytes,
            "the chip's limit; the sum is the size that the compiler reports for attention",
        ),
        Rule(
            "the vectors of the query, key and value tiles spread evenly over the threads",
            z3.And([_spreads(tile, lanes, threads) for tile in promoted]),
            "probed: otherwise the compiler fails to derive a layout for promoted tiles",
        ),
    )


def attention_configuration(
    loops: AttentionLoops, point: Mapping[str, int], counts: dict[int, int], first: str, second: str
) -> Configuration:
    """The configuration of a point's tiles, `counts` of subgroups along loops, and an instruction for each product."""
    count = len(loops.batch) + 4
    workgroup = {loops.queries: point["queries"], loops.values: point["values"]}
    return Configuration(
        "VectorDistribute",
        {
            "workgroup": per_loop(count, {**dict.fromkeys(loops.batch, 1), **workgroup}),
            "reduction": per_loop(count, {loops.keys: point["keys"]}),
        },
        attributes={"decomposition_config": _decomposition(loops, counts, first, second)},
        gpu=GpuSettings(
            (prod(counts.values()) * point["subgroup_size"], 1, 1),
            point["subgroup_size"],
            promoted=(0, 1, 2),
            prefetch_num_stages=point.get("prefetch_num_stages", 0) or None,
            occupancy=point["occupancy"],
            flushes_denormals=bool(point.get(FLUSHES, True)),
        ),
    )


def tiles(extent: int, unit: int, most: int) -> tuple[int, ...]:
    """The tiles of whole instructions that divide an extent."""
    return tuple(tile for tile in divisors(extent) if tile % unit == 0 and tile <= most)


def _spreads(tile: z3.ArithRef, lanes: int, threads: z3.ArithRef) -> z3.BoolRef:
    """Whether the vectors of a tile and the threads divide one another."""
    return z3.Or(tile % (lanes * threads) == 0, (lanes * threads) % tile == 0)


def _part(instruction: str, promoted: tuple[int, ...], basis: Sequence[int], loops: Sequence[int]) -> str:
    derived = ", ".join("#iree_gpu.derived_thread_config" for _ in promoted)
    return (
        f"{{lowering_config = #iree_gpu.lowering_config<{{mma_kind = {instruction}, "
        f"promote_operands = {list(promoted)}, promotion_types = [{derived}],"
        f" subgroup_basis = [{list(basis)}, {list(loops)}]}}>}}"
    )

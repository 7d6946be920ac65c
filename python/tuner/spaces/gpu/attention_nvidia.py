# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on NVIDIA GPUs by VectorDistribute with a matrix instruction, for which IREE states no constraints.

A workgroup computes a tile of queries by values and iterates over tiles of keys. Its two products run on subgroups that
lie along queries and values. Source of the form: IREE, `setAttentionIntrinsicBasedVectorDistributionConfig` in
LLVMGPU/KernelConfig.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import ConstraintError, Knob, Rule, Space
from tuner.dispatch import Configuration, Feeding, Problem
from tuner.spaces.attention import attention_loops
from tuner.spaces.gpu.attention_form import (
    MOST_KEYS,
    MOST_QUERIES,
    attention_configuration,
    tile_rules,
    tiles,
)
from tuner.spaces.gpu.tiles import bytes_of, gpu_limits, occupancy_rule
from tuner.spaces.tiles import powers_of_two
from tuner.targets import Limits

# Both products use the same instruction; IREE has one for each of these types on NVIDIA GPUs.
_INTRINSICS = {"f16": "NV_MMA_SYNC_F32_16x8x16_F16", "bf16": "NV_MMA_SYNC_F32_16x8x16_BF16"}
_MOST_SUBGROUPS = 16
_ACCUMULATORS = 128
_STAGES = (0, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class GpuAttention:
    """Attention in f16 and bf16 whose sizes are multiples of the instruction's."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        if target != "cuda" or problem.kind != "attention":
            return False
        kinds = {operand.element_type for operand in problem.operands[:3]}
        loops = attention_loops(problem)
        if loops is None or len(kinds) != 1 or not kinds <= _INTRINSICS.keys():
            return False
        sizes = [problem.loops[loop].extent for loop in (loops.queries, loops.values, loops.features, loops.keys)]
        return all(size % unit == 0 for size, unit in zip(sizes, (16, 8, 16, 16), strict=True))

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu, loops = gpu_limits(limits), attention_loops(problem)
        name = _INTRINSICS[problem.operands[0].element_type]
        found = [intrinsic for intrinsic in gpu.intrinsics if intrinsic.name == name]
        if loops is None or not found:
            raise ConstraintError(f"{gpu.chip} has no instruction {name}, which this space uses")
        intrinsic = found[0]
        extent = [loop.extent for loop in problem.loops]
        queries = Knob("queries", tiles(extent[loops.queries], intrinsic.m, MOST_QUERIES))
        values = Knob("values", tiles(extent[loops.values], intrinsic.n, extent[loops.values]))
        keys = Knob("keys", tiles(extent[loops.keys], intrinsic.k, MOST_KEYS))
        along_queries = Knob("query_subgroups", tuple(powers_of_two(_MOST_SUBGROUPS)))
        along_values = Knob("value_subgroups", tuple(powers_of_two(4)))
        size = Knob("subgroup_size", (intrinsic.subgroup_size,))
        padding = Knob("padding_bits", (64, 128) if gpu.lists_passes else (64,))
        stages = Knob("stages", _STAGES if gpu.lists_passes else (0,))
        loads = Knob("matrix_loads", (0, 1) if gpu.lists_passes else (0,))
        rows = extent[loops.features] + padding.var / 8 / bytes_of(problem, 0)
        occupancy = Knob("occupancy", gpu.occupancies)
        q, v, k = queries.var, values.var, keys.var
        subgroups = along_queries.var * along_values.var
        threads = subgroups * intrinsic.subgroup_size
        held = z3.If(stages.var == 0, 1, stages.var) * (k * rows + k * (v + padding.var / 8 / bytes_of(problem, 0)))
        rules = (
            occupancy_rule(occupancy.var, threads),
            Rule(
                "stages and matrix loads take rows that are padded by 128 bits",
                z3.Or(z3.And(stages.var == 0, loads.var == 0), padding.var == 128),
                "PTX: `cp.async` and `ldmatrix` read and write 16 bytes at multiples of 16",
            ),
            Rule(
                "tiles that are copied ahead leave the probabilities to registers",
                z3.Or(stages.var == 0, along_values.var == 1),
                "our pass: in the loop copies alone write shared memory",
            ),
            Rule(
                f"query tiles, and key and value tiles of all stages, fit {gpu.shared_memory_bytes} bytes",
                bytes_of(problem, 0) * (q * rows + held) <= gpu.shared_memory_bytes,
                "the chip's limit",
            ),
            Rule(
                "there are no more stages than steps", stages.var <= extent[loops.keys] / k, "the first copies fill all"
            ),
            Rule(
                "subgroups along the queries take whole instructions",
                q % (along_queries.var * intrinsic.m) == 0,
                "IREE lays whole instructions over a tile",
            ),
            Rule(
                "subgroups along the values take whole instructions",
                v % (along_values.var * intrinsic.n) == 0,
                "IREE lays whole instructions over a tile",
            ),
            *tile_rules(problem, gpu, loops, (q, v, k), threads),
            Rule(
                f"a lane sums at most {_ACCUMULATORS} elements of either product",
                z3.And(q * k <= _ACCUMULATORS * along_queries.var * 32, q * v <= _ACCUMULATORS * threads),
                "estimate: half of the 255 registers of an NVIDIA thread",
            ),
        )
        knobs = (queries, values, keys, along_queries, along_values, size, occupancy, padding, stages, loads)
        return Space(knobs, rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        loops = attention_loops(problem)
        if loops is None:
            raise ConstraintError("this is no attention that this space serves")
        counts = {loops.queries: point["query_subgroups"], loops.values: point["value_subgroups"]}
        instruction = f"#iree_gpu.mma_layout<{_INTRINSICS[problem.operands[0].element_type]}>"
        built_in = attention_configuration(loops, point, counts, instruction, instruction)
        feeding = Feeding(point["padding_bits"], point["stages"], bool(point["matrix_loads"]))
        if feeding == Feeding() or built_in.gpu is None:
            return built_in
        return replace(built_in, gpu=replace(built_in.gpu, feeding=feeding))


SPACE = GpuAttention()

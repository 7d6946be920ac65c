# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on AMD GPUs by VectorDistribute, with a matrix instruction for each of its two products.

The form is that of `attention_nvidia`. The two instructions may differ: the first product's sums become the second's
operand, so both sum tiles of the same shape. Source of the pairs: the compiler's own constraints for gfx942, gfx950,
gfx1100 and gfx1201 (`benchmarks/emitted_constraints.py`), which allow only 4 subgroups along the queries; other counts
are probed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import z3

from tuner.constraints import ConstraintError, Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.attention import attention_loops
from tuner.spaces.gpu.attention_form import (
    MOST_KEYS,
    MOST_QUERIES,
    attention_configuration,
    tile_rules,
    tiles,
)
from tuner.spaces.gpu.tiles import FLUSHES, gpu_limits, lookup
from tuner.targets import GpuLimits, Limits, MatrixIntrinsic

# Instructions by IREE's names. A knob's value is the place in this table. A chip has some of them.
_INTRINSICS = {
    "f16": (
        "MFMA_F32_16x16x16_F16",
        "VMFMA_F32_16x16x32_F16",
        "MFMA_F32_32x32x8_F16",
        "VMFMA_F32_32x32x16_F16",
        "MFMA_F32_16x16x32_F16",
        "MFMA_F32_32x32x16_F16",
        "WMMAR3_F32_16x16x16_F16",
        "WMMAR4_F32_16x16x16_F16",
    ),
    "bf16": (
        "MFMA_F32_16x16x16_BF16",
        "MFMA_F32_32x32x8_BF16",
        "MFMA_F32_16x16x32_BF16",
        "MFMA_F32_32x32x16_BF16",
        "WMMAR3_F32_16x16x16_BF16",
        "WMMAR4_F32_16x16x16_BF16",
    ),
    "f8E4M3FNUZ": (
        "MFMA_F32_16x16x32_F8E4M3FNUZ",
        "VMFMA_F32_16x16x32_F8E4M3FNUZ",
        "MFMA_F32_32x32x16_F8E4M3FNUZ",
        "VMFMA_F32_32x32x16_F8E4M3FNUZ",
    ),
    "f8E5M2FNUZ": ("MFMA_F32_16x16x32_F8E5M2FNUZ", "MFMA_F32_32x32x16_F8E5M2FNUZ"),
    **{
        name: tuple(
            f"{shape}_{name.upper()}"
            for shape in (
                "MFMA_F32_16x16x32",
                "MFMA_F32_32x32x16",
                "MFMA_F32_16x16x128",
                "MFMA_F32_32x32x64",
                "WMMAR4_F32_16x16x16",
            )
        )
        for name in ("f8E4M3FN", "f8E5M2")
    },
}
_SUBGROUPS = (1, 2, 4, 8)
# Registers of a lane, of 512, that may hold the sums of either product.
_ACCUMULATORS = 256


@dataclass(frozen=True, slots=True)
class GpuAttentionAmd:
    """Attention in f16, bf16 and f8 whose sizes are multiples of 16."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        if target != "rocm" or problem.kind != "attention":
            return False
        kinds = {operand.element_type for operand in problem.operands[:3]}
        loops = attention_loops(problem)
        if loops is None or len(kinds) != 1 or not kinds <= _INTRINSICS.keys():
            return False
        sizes = (loops.queries, loops.values, loops.features, loops.keys)
        return all(problem.loops[loop].extent % 16 == 0 for loop in sizes)

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu, loops = gpu_limits(limits), attention_loops(problem)
        known = _known(gpu, problem.operands[0].element_type)
        if loops is None or not known:
            raise ConstraintError(f"{gpu.chip} has no instruction that this space uses")
        extent = [loop.extent for loop in problem.loops]
        features = extent[loops.features]
        queries = Knob("queries", tiles(extent[loops.queries], 16, MOST_QUERIES))
        values = Knob("values", tiles(extent[loops.values], 16, extent[loops.values]))
        keys = Knob("keys", tiles(extent[loops.keys], 16, MOST_KEYS))
        along_queries = Knob("query_subgroups", _SUBGROUPS)
        first, second = (Knob(name, tuple(known)) for name in ("first_instruction", "second_instruction"))
        size = Knob("subgroup_size", (next(iter(known.values())).subgroup_size,))
        occupancy = Knob("occupancy", gpu.occupancies)
        columns = Knob("col_major", (0, 1))
        stages = Knob("prefetch_num_stages", (0, 2))
        denormals = Knob(FLUSHES, (0, 1))

        def of(knob: Knob, what: Callable[[MatrixIntrinsic], int]) -> z3.ArithRef:
            return lookup(knob.var, ((place, what(instruction)) for place, instruction in known.items()))

        q, v, k = queries.var, values.var, keys.var
        threads = along_queries.var * size.var
        rules = (
            Rule(
                "both instructions sum tiles of the same shape",
                of(first, lambda instruction: instruction.m) == of(second, lambda instruction: instruction.m),
                "IREE's own constraint: the first product's sums are the second's operand",
            ),
            Rule(
                "subgroups along the queries take whole instructions",
                q % (along_queries.var * of(second, lambda instruction: instruction.m)) == 0,
                "IREE lays whole instructions over a tile",
            ),
            Rule(
                "the value tile takes whole instructions",
                v % of(second, lambda instruction: instruction.n) == 0,
                "IREE lays whole instructions over a tile",
            ),
            Rule(
                "the key tile takes whole instructions of both products",
                z3.And(
                    k % of(second, lambda instruction: instruction.k) == 0,
                    k % of(first, lambda instruction: instruction.n) == 0,
                ),
                "IREE's own constraint, and probed for the first product",
            ),
            Rule(
                "the features take whole instructions",
                z3.IntVal(features) % of(first, lambda instruction: instruction.k) == 0,
                "IREE's own constraint",
            ),
            *tile_rules(problem, gpu, loops, (q, v, k), threads),
            Rule(
                f"a lane sums at most {_ACCUMULATORS} elements of either product",
                z3.And(q * k <= _ACCUMULATORS * threads, q * v <= _ACCUMULATORS * threads),
                "estimate: half of the 512 registers of a lane on CDNA",
            ),
        )
        knobs = (queries, values, keys, along_queries, first, second, columns, stages, size, occupancy, denormals)
        return Space(knobs, rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        loops = attention_loops(problem)
        if loops is None:
            raise ConstraintError("this is no attention that this space serves")
        names = _INTRINSICS[problem.operands[0].element_type]
        first, second = (
            _attribute(names[point[knob]], by_columns=bool(point["col_major"]))
            for knob in ("first_instruction", "second_instruction")
        )
        subgroups = {loops.queries: point["query_subgroups"]}
        return attention_configuration(loops, point, subgroups, first, second)


SPACE = GpuAttentionAmd()


def _known(gpu: GpuLimits, element_type: str) -> dict[int, MatrixIntrinsic]:
    """The instructions that a chip has, by their place in `_INTRINSICS`."""
    had = {intrinsic.name: intrinsic for intrinsic in gpu.intrinsics}
    names: Sequence[str] = _INTRINSICS[element_type]
    return {place: had[name] for place, name in enumerate(names) if name in had}


def _attribute(name: str, *, by_columns: bool) -> str:
    """An instruction as IREE prints it. `by_columns`: with its operands and sums exchanged, and sums by columns."""
    order = ", col_major = true" if by_columns else ""
    return f"#iree_gpu.{'virtual_' if name.startswith('V') else ''}mma_layout<{name}{order}>"

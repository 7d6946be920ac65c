# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler's own constraints leave out: rules found by compiling whole spaces, gfx942 and sm_80, IREE 3.13.

- VectorDistribute convolutions: 111 of 184 solutions on gfx942 and 121 of 199 on sm_80 failed with "failed to derive
  layout for promoted read-like op". The rule excludes all of these and one that compiles on each.
- Attention: 48 of 162 solutions failed on gfx942, 24 by a key tile below the intrinsic's, 24 by shared memory; the
  sum of the tiles is the size that the compiler reported in each of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Problem

_SOURCE = "probed: the compiler emits no such constraint and then fails"
# The bytes that a lane moves at once to shared memory.
_LANE_BYTES = 16
_ELEMENT_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "i8": 1}


def layout_rules(space: Space, problem: Problem) -> list[Rule]:
    """Lanes and the innermost dimension of a promoted operand must divide one another, for VectorDistribute."""
    known = {knob.name: knob.var for knob in space.knobs}
    if problem.kind != "convolution" or "wg_size_x" not in known:
        return []
    threads = known["wg_size_x"]
    rules = []
    for number, operand in enumerate(problem.operands[:2]):
        loop = operand.loops[-1]
        if loop < 0 or operand.element_type not in _ELEMENT_BYTES:
            continue
        tile = known.get(f"wg_{loop}" if problem.loops[loop].is_parallel else f"red_{loop}")
        if tile is None:
            continue
        lanes = _moves(tile, _LANE_BYTES // _ELEMENT_BYTES[operand.element_type])
        rules.append(
            Rule(
                f"operand {number}'s innermost tile spreads evenly over the workgroup's threads",
                z3.Or(threads % lanes == 0, lanes % threads == 0),
                _SOURCE,
            )
        )
    return rules


def attention_rules(space: Space, template: str, labels: Sequence[str]) -> list[Rule]:
    """The key tile holds the first product's intrinsic; all tiles together fit shared memory."""
    known = {knob.name: knob.var for knob in space.knobs}
    extents = {
        int(number): int(extent) for number, extent in re.findall(r"dim_(\d+) \(\{\}\) == (\d+)", "\n".join(labels))
    }
    first, second = _intrinsics(template, "qk_mma_idx"), _intrinsics(template, "pv_mma_idx")
    needed = {"m_tile", "n_tile", "red_k2", "qk_mma_idx", "pv_mma_idx"}
    limit = _shared_memory_bytes(space)
    if not first or not second or not needed <= known.keys() or 3 not in extents or limit is None:
        return []
    rows, columns, keys, features = known["m_tile"], known["n_tile"], known["red_k2"], extents[3]
    columns_of_first = _lookup(known["qk_mma_idx"], [intrinsic.columns for intrinsic in first])
    # A virtual intrinsic takes the first product as its lanes hold it; a plain one gets it through shared memory.
    passes = _lookup(known["pv_mma_idx"], [0 if intrinsic.is_virtual else 1 for intrinsic in second])
    elements = rows * features + keys * features + keys * columns + passes * rows * keys
    return [
        Rule("the key tile is divisible by the first product's intrinsic", keys % columns_of_first == 0, _SOURCE),
        Rule(
            f"query, key, value and probability tiles together fit {limit} bytes of shared memory",
            first[0].element_bytes * elements <= limit,
            _SOURCE,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Intrinsic:
    columns: int
    element_bytes: int
    is_virtual: bool


def _intrinsics(template: str, knob: str) -> list[_Intrinsic]:
    """The intrinsics that a knob of the template chooses among, by what their names say."""
    listed = re.search(rf'one_of_knob<"{knob}", \[(.*?)\]>', template)
    if listed is None:
        return []
    names = re.findall(r"#iree_gpu\.(virtual_)?mma_layout<\w+?_\d+x(\d+)x\d+_[A-Z]+(\d+)\w*>", listed.group(1))
    return [_Intrinsic(int(columns), int(bits) // 8, bool(virtual)) for virtual, columns, bits in names]


def _lookup(index: z3.ArithRef, values: Sequence[int]) -> z3.ArithRef:
    *others, last = enumerate(values)
    chosen = z3.IntVal(last[1])
    for position, value in reversed(others):
        chosen = z3.If(index == position, z3.IntVal(value), chosen)
    return chosen


def _shared_memory_bytes(space: Space) -> int | None:
    """The limit that stands in the compiler's own rule on shared memory."""
    for rule in space.rules:
        if "shared memory must fit" in rule.name:
            numbers = [child.as_long() for child in rule.assertion.children() if z3.is_int_value(child)]
            if len(numbers) == 1:
                return int(numbers[0])
    return None


def _moves(tile: z3.ArithRef, most: int) -> z3.ArithRef:
    """The vectors in a row of the tile: as long as divide it, up to `most` elements."""
    lanes = tile
    for length in (1 << bit for bit in range(1, most.bit_length())):
        lanes = z3.If(tile % length == 0, tile / length, lanes)
    return lanes

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention as every GPU's code generator sees it: what its loops do, and its two products' configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import z3

from tuner.dispatch import Problem
from tuner.spaces.cpu_tiles import divisors

MOST_QUERIES = MOST_KEYS = 256


@dataclass(frozen=True, slots=True)
class AttentionLoops:
    """Attention's loops by what they do: [batch, queries, features] times [batch, keys, features], times values."""

    batch: tuple[int, ...]
    queries: int
    values: int
    features: int
    keys: int


def attention_loops(problem: Problem) -> AttentionLoops | None:
    """The loops by what they do, read off the operands that they index; None where some has no such place."""
    query, key, value = (set(operand.loops) for operand in problem.operands[:3])
    queries, values = list(query - key), list(value - key - query)
    features, keys = list((query & key) - value), list((key & value) - query)
    if any(len(found) != 1 for found in (queries, values, features, keys)):
        return None
    return AttentionLoops(tuple(sorted(query & key & value)), queries[0], values[0], features[0], keys[0])


def decomposition(loops: AttentionLoops, counts: dict[int, int], first: str, second: str) -> str:
    """Both products' configurations, as IREE prints them: `counts` of subgroups along loops, an instruction for each.

    The instructions are attributes, as in `#iree_gpu.mma_layout<MFMA_F32_16x16x16_F16>`.
    """
    count = len(loops.batch) + 4
    basis = [counts.get(index, 1) for index in range(count)]
    qk = _part(first, (0, 1), basis, [index for index in range(count) if index != loops.values])
    pv = _part(second, (1,), basis, [index for index in range(count) if index != loops.features])
    return f"{{pv_attrs = {pv}, qk_attrs = {qk}}}"


def spreads(tile: z3.ArithRef, lanes: int, threads: z3.ArithRef) -> z3.BoolRef:
    """Whether the vectors of a tile and the threads divide one another."""
    return z3.Or(tile % (lanes * threads) == 0, (lanes * threads) % tile == 0)


def tiles(extent: int, unit: int, most: int) -> tuple[int, ...]:
    """The tiles of whole instructions that divide an extent."""
    return tuple(tile for tile in divisors(extent) if tile % unit == 0 and tile <= most)


def _part(instruction: str, promoted: tuple[int, ...], basis: Sequence[int], loops: Sequence[int]) -> str:
    derived = ", ".join("#iree_gpu.derived_thread_config" for _ in promoted)
    return (
        f"{{lowering_config = #iree_gpu.lowering_config<{{mma_kind = {instruction}, "
        f"promote_operands = {list(promoted)}, promotion_types = [{derived}],"
        f" subgroup_basis = [{list(basis)}, {list(loops)}]}}>}}"
    )

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products on llvm-cpu in square workgroup tiles: a space of three knobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.targets import Limits

_F32_BYTES, _VECTOR_REGISTERS = 4, 32


@dataclass(frozen=True, slots=True)
class SquareTiles:
    """C = A * B of [M, K] and [K, N] in f32. It takes precedence over the tuner's own space."""

    priority: int = 1

    def serves(self, target: str, problem: Problem) -> bool:
        roles = tuple(loop.role for loop in problem.loops)
        types = {operand.element_type for operand in problem.operands}
        return target == "cpu" and problem.kind == "contraction" and roles == ("m", "n", "k") and types == {"f32"}

    def build(self, problem: Problem, limits: Limits) -> Space:
        m, n, k = (loop.extent for loop in problem.loops)
        side = Knob("side", tuple(tile for tile in (1, 2, 4, 8, 16, 32, 64, 128) if tile <= min(m, n)))
        rows = Knob("rows", tuple(tile for tile in (1, 2, 4, 8) if tile <= min(m, n)))
        depth = Knob("depth", tuple(tile for tile in (1, 2, 4, 8) if tile <= k))
        lanes = limits.vector_bytes // _F32_BYTES
        return Space(
            (side, rows, depth),
            (
                Rule(
                    "rows of a vector tile divide the workgroup's tile",
                    side.var % rows.var == 0,
                    "a remainder needs a loop of its own",
                ),
                Rule(
                    f"the tile of C fits {_VECTOR_REGISTERS} vector registers",
                    rows.var * side.var <= _VECTOR_REGISTERS * lanes,
                    "estimate: what does not fit is kept in memory",
                ),
            ),
        )

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        del problem
        side, rows, depth = point["side"], point["rows"], point["depth"]
        return Configuration(
            "DoubleTilingExpert",
            {
                "distribution": (side, side, 0),
                "vector_common_parallel": (rows, side, 0),
                "vector_reduction": (0, 0, depth),
            },
        )


SPACE = SquareTiles()

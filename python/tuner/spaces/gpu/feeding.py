# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How operands reach matrix instructions through shared memory, as knobs; for AMD's GPUs what IREE's pipeline offers.

A point that asks for no more than the built-in pipeline has is compiled by that pipeline. Others are compiled by its
passes as a list (`tuner.targets.gpu_pipelines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import z3

from tuner.constraints import Knob, Rule
from tuner.dispatch import Feeding, GpuSettings

_BUILT_IN_PADDINGS = (0, 64)


@dataclass(frozen=True, slots=True)
class Step:
    """What a workgroup of `threads` does in one of its `steps`: `rows` times `columns` of `depth` sums.

    `inner_rows` and `inner_columns` are the tiles of the innermost loops. `instructions` are those along the sums,
    `column_tile` those of a subgroup along the innermost columns; `column_subgroups` the subgroups along all columns.
    `rows_follow`: the rows of each subgroup follow one another. `promoted` and `padded` are the knobs of these names.
    `spreads`: every thread loads equally much of each operand, by the widest loads.
    """

    rows: z3.ArithRef
    columns: z3.ArithRef
    depth: z3.ArithRef
    inner_rows: z3.ArithRef
    inner_columns: z3.ArithRef
    instructions: z3.ArithRef
    column_tile: z3.ArithRef
    column_subgroups: z3.ArithRef
    rows_follow: z3.BoolRef
    threads: z3.ArithRef
    steps: z3.ArithRef
    promoted: z3.ArithRef
    padded: z3.ArithRef
    spreads: z3.BoolRef


class FeedingKnobs(Protocol):
    """What may be chosen for the operands of a product."""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """All knobs."""

    @property
    def padding_bits(self) -> Knob:
        """The bits behind each row of a tile in shared memory."""

    @property
    def tiles_held(self) -> z3.ArithRef:
        """The tiles of each operand that are in shared memory at a time."""

    @property
    def has_warpgroups(self) -> bool:
        """Whether subgroups can multiply by fours, and so have wide tiles."""

    @property
    def conflict_free(self) -> z3.BoolRef:
        """Whether something is done against bank conflicts."""

    def memory_bytes(self, limit: int) -> z3.ArithRef:
        """The shared memory of a workgroup, `limit` being what the compiler states."""

    def rules(self, step: Step) -> list[Rule]:
        """The rules on the knobs, together with a step."""


@dataclass(frozen=True, slots=True)
class Prefetched:
    """Stages that IREE's own pipeline prefetches into registers, which it does for AMD's GPUs alone."""

    padding_bits: Knob
    stages: Knob

    @staticmethod
    def of_any() -> Prefetched:
        """The knobs for any product."""
        return Prefetched(Knob("padding_bits", _BUILT_IN_PADDINGS), Knob("prefetch_num_stages", (0, 2, 3)))

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return self.stages, self.padding_bits

    @property
    def tiles_held(self) -> z3.ArithRef:
        return z3.IntVal(1)

    @property
    def has_warpgroups(self) -> bool:
        return False

    @property
    def conflict_free(self) -> z3.BoolRef:
        return self.padding_bits.var != 0

    def memory_bytes(self, limit: int) -> z3.ArithRef:
        return z3.IntVal(limit)

    def rules(self, step: Step) -> list[Rule]:
        return [
            Rule(
                "with 3 stages every thread loads equally much",
                z3.Or(self.stages.var < 3, step.promoted != 3, step.spreads),
                "probed on gfx942: otherwise the compiler crashes",
            )
        ]


def with_feeding(settings: GpuSettings, point: Mapping[str, int]) -> GpuSettings:
    """The settings with the feeding that a point's knobs stand for."""
    flags = {name: bool(point.get(name, 0)) for name in ("matrix_loads", "reads_ahead", "warpgroups")}
    feeding = Feeding(point["padding_bits"], point.get("stages", 0), **flags)
    if feeding in map(Feeding, _BUILT_IN_PADDINGS):
        return replace(settings, no_reduce_shared_memory_bank_conflicts=feeding.padding_bits == 0)
    return replace(settings, feeding=feeding)

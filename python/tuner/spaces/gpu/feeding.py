# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How operands reach matrix instructions through shared memory: padded rows, stages of copies, loads of whole matrices.

A point that asks for no more than IREE's built-in pipeline has is compiled by that pipeline. Others are compiled by its
passes as a list (`tuner.targets.gpu_pipelines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Knob, Rule
from tuner.dispatch import Feeding, GpuSettings
from tuner.spaces.gpu.mma_sync_rules import is_measured
from tuner.spaces.gpu.tiles import LOAD_BYTES
from tuner.targets import MatrixIntrinsic

_BITS_OF_LOAD = 8 * LOAD_BYTES
_STAGES = (0, 2, 3, 4, 5, 6)
# The element types that our pass loads as matrices.
_MATRIX_TYPES = frozenset(("f16", "bf16"))


@dataclass(frozen=True, slots=True)
class FeedingKnobs:
    """What may be chosen. IREE prefetches for AMD's GPUs alone; our passes copy and load for NVIDIA's alone."""

    padding_bits: Knob
    prefetched: Knob | None = None
    stages: Knob | None = None
    matrix_loads: Knob | None = None

    @staticmethod
    def of(intrinsics: Sequence[MatrixIntrinsic], *, copies_whole: bool) -> FeedingKnobs:
        """The knobs for a product by one of these instructions.

        `copies_whole`: whether copies of `LOAD_BYTES` bytes can read both operands.
        """
        if not is_measured(intrinsics):
            return FeedingKnobs(Knob("padding_bits", (0, 64)), prefetched=Knob("prefetch_num_stages", (0, 2, 3)))
        types = {element for intrinsic in intrinsics for element in (intrinsic.lhs_type, intrinsic.rhs_type)}
        return FeedingKnobs(
            Knob("padding_bits", (0, 64, 128)),
            stages=Knob("stages", _STAGES if copies_whole else (0,)),
            matrix_loads=Knob("matrix_loads", (0, 1) if types <= _MATRIX_TYPES else (0,)),
        )

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Those that there are."""
        found = (self.padding_bits, self.prefetched, self.stages, self.matrix_loads)
        return tuple(knob for knob in found if knob is not None)

    @property
    def is_plain(self) -> z3.BoolRef:
        """Whether tiles are neither padded nor copied ahead."""
        return z3.And([knob.var == 0 for knob in self.knobs])

    @property
    def tiles_held(self) -> z3.ArithRef:
        """The tiles of each operand that are in shared memory at a time."""
        return z3.IntVal(1) if self.stages is None else z3.If(self.stages.var == 0, 1, self.stages.var)

    def padded_bytes(self, rows: z3.ArithRef) -> z3.ArithRef:
        """The padding of so many rows of a tile in shared memory."""
        return rows * (self.padding_bits.var / 8)

    def rules(
        self, *, promoted: z3.ArithRef, padded: z3.ArithRef, steps: z3.ArithRef, spreads: z3.BoolRef
    ) -> list[Rule]:
        """The rules: `steps` are those of the loop; `spreads`: every thread loads equally much of each operand, by
        `LOAD_BYTES` bytes."""
        rules = []
        if self.prefetched is not None:
            rules.append(
                Rule(
                    "with 3 stages every thread loads equally much",
                    z3.Or(self.prefetched.var < 3, promoted != 3, spreads),
                    "probed on gfx942: otherwise the compiler crashes",
                )
            )
        if self.stages is None or self.matrix_loads is None:
            return rules
        stages, matrices = self.stages.var, self.matrix_loads.var
        return [
            *rules,
            Rule(
                f"stages and matrix loads take rows that are padded by {_BITS_OF_LOAD} bits",
                z3.Or(z3.And(stages == 0, matrices == 0), self.padding_bits.var == _BITS_OF_LOAD),
                f"PTX: `cp.async` and `ldmatrix` read and write {LOAD_BYTES} bytes at multiples of {LOAD_BYTES};"
                " without padding their rows conflict",
            ),
            Rule(
                "tiles that are copied ahead leave no remainder",
                z3.Or(stages == 0, padded == 0),
                f"a copy of {LOAD_BYTES} bytes cannot be masked",
            ),
            Rule(
                f"every thread copies whole {LOAD_BYTES} bytes, and as often as every other",
                z3.Or(stages == 0, spreads),
                "IREE copies the rest by single elements, which cannot be asynchronous",
            ),
            Rule("there are no more stages than steps", stages <= steps, "the first copies fill all stages"),
        ]


def with_feeding(settings: GpuSettings, point: Mapping[str, int]) -> GpuSettings:
    """The settings with the feeding that a point's knobs stand for."""
    feeding = Feeding(point["padding_bits"], point.get("stages", 0), bool(point.get("matrix_loads", 0)))
    if feeding == replace(Feeding(), padding_bits=feeding.padding_bits) and feeding.padding_bits < _BITS_OF_LOAD:
        return replace(settings, no_reduce_shared_memory_bank_conflicts=feeding.padding_bits == 0)
    return replace(settings, feeding=feeding)

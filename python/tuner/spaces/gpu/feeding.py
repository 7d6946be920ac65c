# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How operands reach matrix instructions through shared memory: padded rows, stages of copies, loads of whole matrices.

On Hopper's GPUs warpgroups may read them there themselves (`tuner.spaces.gpu.warpgroups`).

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
from tuner.spaces.gpu.warpgroups import FEWEST_STAGES
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
    reads_ahead: Knob | None = None
    warpgroups: Knob | None = None

    @staticmethod
    def of(
        intrinsics: Sequence[MatrixIntrinsic], *, lists_passes: bool, copies_whole: bool, has_warpgroups: bool
    ) -> FeedingKnobs:
        """The knobs for a product by one of these instructions.

        `lists_passes`: whether a pipeline's passes may be listed; otherwise only what IREE's pipeline has is offered.
        `copies_whole`: whether copies of `LOAD_BYTES` bytes can read both operands. `has_warpgroups`: whether the GPU
        has Hopper's instructions, and the product suits them. Then nothing else is offered: on an H200 the best of 28
        points by other instructions took 1.4 and 1.5 times as long on two products (docs/gpu.md).
        """
        padding_bits = Knob("padding_bits", (0, 64, 128) if lists_passes else (0, 64))
        if not is_measured(intrinsics):
            return FeedingKnobs(padding_bits, prefetched=Knob("prefetch_num_stages", (0, 2, 3)))
        types = {element for intrinsic in intrinsics for element in (intrinsic.lhs_type, intrinsic.rhs_type)}
        sums = {intrinsic.sum_type for intrinsic in intrinsics}
        copies_ahead, loads_matrices = lists_passes and copies_whole, lists_passes and types <= _MATRIX_TYPES
        is_for_warpgroups = has_warpgroups and copies_ahead and loads_matrices and sums == {"f32"}
        return FeedingKnobs(
            padding_bits,
            stages=Knob("stages", _STAGES if copies_ahead else (0,)),
            matrix_loads=Knob("matrix_loads", (0, 1) if loads_matrices else (0,)),
            reads_ahead=Knob("reads_ahead", (0, 1) if copies_ahead else (0,)),
            warpgroups=Knob("warpgroups", (int(is_for_warpgroups),)),
        )

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Those that there are."""
        products = (self.stages, self.matrix_loads, self.reads_ahead, self.warpgroups)
        found = (self.padding_bits, self.prefetched, *products)
        return tuple(knob for knob in found if knob is not None)

    @property
    def is_plain(self) -> z3.BoolRef:
        """Whether tiles are neither padded nor copied ahead."""
        return z3.And([knob.var == 0 for knob in self.knobs])

    @property
    def by_warpgroups(self) -> z3.ArithRef:
        """1 if warpgroups compute the product."""
        return z3.IntVal(0) if self.warpgroups is None else self.warpgroups.var

    @property
    def tiles_held(self) -> z3.ArithRef:
        """The tiles of each operand that are in shared memory at a time."""
        return z3.IntVal(1) if self.stages is None else z3.If(self.stages.var == 0, 1, self.stages.var)

    def padded_bytes(self, rows: z3.ArithRef) -> z3.ArithRef:
        """The padding of so many rows of a tile in shared memory."""
        return rows * (self.padding_bits.var / 8)

    def rules(
        self,
        *,
        promoted: z3.ArithRef,
        padded: z3.ArithRef,
        steps: z3.ArithRef,
        instructions: z3.ArithRef,
        spreads: z3.BoolRef,
        repeats: z3.BoolRef,
    ) -> list[Rule]:
        """The rules: `steps` are those of the loop, `instructions` those along a step's sums.

        `spreads`: every thread loads equally much of each operand, by `LOAD_BYTES` bytes. `repeats`: more than once.
        """
        rules = []
        if self.prefetched is not None:
            rules.append(
                Rule(
                    "with 3 stages every thread loads equally much",
                    z3.Or(self.prefetched.var < 3, promoted != 3, spreads),
                    "probed on gfx942: otherwise the compiler crashes",
                )
            )
        if self.stages is None or self.matrix_loads is None or self.reads_ahead is None:
            return rules
        stages, matrices, ahead = self.stages.var, self.matrix_loads.var, self.reads_ahead.var
        alone = z3.And(self.padding_bits.var == 0, matrices == 0, ahead == 0, stages >= FEWEST_STAGES)
        return [
            *rules,
            Rule(
                f"warpgroups take {FEWEST_STAGES} stages or more, and nothing else is chosen",
                z3.Or(self.by_warpgroups == 0, alone),
                "our pass gives tiles a layout of its own",
            ),
            Rule(
                f"stages and matrix loads take rows that are padded by {_BITS_OF_LOAD} bits",
                z3.Or(
                    self.by_warpgroups == 1,
                    z3.And(stages == 0, matrices == 0),
                    self.padding_bits.var == _BITS_OF_LOAD,
                ),
                f"PTX: `cp.async` and `ldmatrix` read and write {LOAD_BYTES} bytes at multiples of {LOAD_BYTES};"
                " without padding their rows conflict",
            ),
            Rule(
                f"every thread copies whole {LOAD_BYTES} bytes, and as often as every other",
                z3.Or(stages == 0, spreads),
                "IREE copies the rest by single elements, which cannot be asynchronous",
            ),
            Rule(
                "of padded tiles that are copied ahead every thread copies several parts",
                z3.Or(stages == 0, padded == 0, repeats),
                "probed: a thread's only part of a padded operand passes through its own memory",
            ),
            Rule(
                "operands are read ahead of several instructions in tiles that are copied ahead",
                z3.Or(ahead == 0, z3.And(stages != 0, instructions > 1)),
                "our pass reads ahead what has arrived, and the rest of a tile while it computes",
            ),
            Rule("there are no more stages than steps", stages <= steps, "the first copies fill all stages"),
        ]


def with_feeding(settings: GpuSettings, point: Mapping[str, int]) -> GpuSettings:
    """The settings with the feeding that a point's knobs stand for."""
    feeding = Feeding(
        point["padding_bits"],
        point.get("stages", 0),
        bool(point.get("matrix_loads", 0)),
        bool(point.get("reads_ahead", 0)),
        bool(point.get("warpgroups", 0)),
        bool(point.get("along_columns", 0)),
    )
    if feeding == replace(Feeding(), padding_bits=feeding.padding_bits) and feeding.padding_bits < _BITS_OF_LOAD:
        return replace(settings, no_reduce_shared_memory_bank_conflicts=feeding.padding_bits == 0)
    return replace(settings, feeding=feeding)

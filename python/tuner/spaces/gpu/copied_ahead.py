# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How operands reach NVIDIA's matrix instructions: what our passes offer beside IREE's pipeline (docs/passes.md).

Asynchronous copies fill several tiles ahead; a subgroup loads whole matrices, or four of them multiply together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule
from tuner.spaces.gpu.feeding import Step
from tuner.spaces.gpu.tiles import LOAD_BYTES
from tuner.targets import MatrixIntrinsic
from tuner.targets.nvidia import LANES

_BITS_OF_LOAD = 8 * LOAD_BYTES
_STAGES = (0, 2, 3, 4, 5, 6)
# Instructions along the columns that a subgroup has at most if it multiplies alone.
_WIDEST = 16
# The element types that our passes load as matrices.
_MATRIX_TYPES = frozenset(("f16", "bf16"))
# Subgroups of a warpgroup; its columns at most; the elements of its operands that must lie side by side; and its
# stages at least. Source: PTX's `wgmma` and the pass iree-tuner-warpgroup-products.
_SUBGROUPS, _MOST_COLUMNS, _LINE, _FEWEST_STAGES = 4, 256, 64, 3


@dataclass(frozen=True, slots=True)
class CopiedAhead:
    """The knobs for one product.

    `lhs_ends_with_sums`, `rhs_ends_with_sums`: whether an operand's innermost loop is one of sums. `warpgroup_bytes`:
    the shared memory of a workgroup of warpgroups; 0: the chip has none.
    """

    padding_bits: Knob
    stages: Knob
    matrix_loads: Knob
    reads_ahead: Knob
    warpgroups: Knob
    lhs_ends_with_sums: bool
    rhs_ends_with_sums: bool
    warpgroup_bytes: int

    @staticmethod
    def of(
        intrinsics: Sequence[MatrixIntrinsic],
        *,
        lhs_ends_with_sums: bool,
        rhs_ends_with_sums: bool,
        copies_whole: bool,
        warpgroup_bytes: int,
    ) -> CopiedAhead:
        """The knobs for a product by one of these instructions.

        `copies_whole`: whether copies of `LOAD_BYTES` bytes can read both operands.
        """
        types = {element for intrinsic in intrinsics for element in (intrinsic.lhs_type, intrinsic.rhs_type)}
        loads_matrices = types <= _MATRIX_TYPES
        sums_f32 = all(intrinsic.sum_type == "f32" for intrinsic in intrinsics)
        has_warpgroups = warpgroup_bytes > 0 and loads_matrices and copies_whole and sums_f32
        return CopiedAhead(
            Knob("padding_bits", (0, 64, _BITS_OF_LOAD)),
            Knob("stages", _STAGES if copies_whole else (0,)),
            Knob("matrix_loads", (0, 1) if loads_matrices else (0,)),
            Knob("reads_ahead", (0, 1) if copies_whole else (0,)),
            Knob("warpgroups", (0, 1) if has_warpgroups else (0,)),
            lhs_ends_with_sums,
            rhs_ends_with_sums,
            warpgroup_bytes,
        )

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return self.padding_bits, self.stages, self.matrix_loads, self.reads_ahead, self.warpgroups

    @property
    def tiles_held(self) -> z3.ArithRef:
        return z3.If(self.stages.var == 0, 1, self.stages.var)

    @property
    def has_warpgroups(self) -> bool:
        return self.warpgroups.domain != (0,)

    @property
    def conflict_free(self) -> z3.BoolRef:
        return z3.Or(self.padding_bits.var != 0, self.warpgroups.var == 1)

    def memory_bytes(self, limit: int) -> z3.ArithRef:
        return z3.If(self.warpgroups.var == 1, max(limit, self.warpgroup_bytes), limit)

    def rules(self, step: Step) -> list[Rule]:
        stages, matrices, ahead = self.stages.var, self.matrix_loads.var, self.reads_ahead.var
        together = self.warpgroups.var == 1
        return [
            Rule(
                f"stages and matrix loads take rows that are padded by {_BITS_OF_LOAD} bits",
                z3.Or(z3.And(stages == 0, matrices == 0), together, self.padding_bits.var == _BITS_OF_LOAD),
                f"PTX: `cp.async` and `ldmatrix` read and write {LOAD_BYTES} bytes at multiples of {LOAD_BYTES};"
                " without padding their rows conflict",
            ),
            Rule(
                "tiles that are copied ahead leave no remainder",
                z3.Or(stages == 0, step.padded == 0),
                f"a copy of {LOAD_BYTES} bytes cannot be masked",
            ),
            Rule(
                f"every thread copies whole {LOAD_BYTES} bytes, and as often as every other",
                z3.Or(stages == 0, step.spreads),
                "IREE copies the rest by single elements, which cannot be asynchronous",
            ),
            Rule("there are no more stages than steps", stages <= step.steps, "the first copies fill all stages"),
            Rule(
                "operands are read ahead of several instructions in tiles that are copied ahead",
                z3.Or(ahead == 0, z3.And(stages != 0, step.instructions > 1)),
                "our pass reads ahead what has arrived, and the rest of a tile while it computes",
            ),
            *self._warpgroup_rules(step, together),
        ]

    def _warpgroup_rules(self, step: Step, together: z3.BoolRef) -> list[Rule]:
        lines = [
            (step.depth if self.lhs_ends_with_sums else step.inner_rows) % _LINE == 0,
            (step.depth if self.rhs_ends_with_sums else step.inner_columns) % _LINE == 0,
        ]
        return [
            Rule(
                f"warpgroups take at least {_FEWEST_STAGES} stages as they are in memory",
                z3.Or(
                    z3.Not(together),
                    z3.And(
                        self.stages.var >= _FEWEST_STAGES,
                        self.padding_bits.var == 0,
                        self.matrix_loads.var == 0,
                        self.reads_ahead.var == 0,
                    ),
                ),
                "our pass lays the stages out for `wgmma`, which reads shared memory itself",
            ),
            Rule(
                f"a warpgroup's {_SUBGROUPS} subgroups have all of at most {_MOST_COLUMNS} columns, and rows in order",
                z3.Or(
                    z3.Not(together),
                    z3.And(
                        step.rows_follow,
                        step.column_subgroups == 1,
                        step.columns <= _MOST_COLUMNS,
                        step.threads % (_SUBGROUPS * LANES) == 0,
                    ),
                ),
                "PTX: the forms of `wgmma`",
            ),
            Rule(
                f"without warpgroups a subgroup has at most {_WIDEST} instructions along the columns",
                z3.Or(together, step.column_tile <= _WIDEST),
                "estimate: twice what the best products on an H200 had",
            ),
            Rule(
                f"a warpgroup's operands lie in lines of {_LINE} elements",
                z3.Or(z3.Not(together), z3.And(lines)),
                "PTX: the layouts of `wgmma` that read without bank conflicts",
            ),
        ]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What never paid for products on NVIDIA GPUs by `mma.sync`: rules for speed, not for correctness.

Without them a uniformly drawn point of 80,000 to 150,000 takes four times the default's time, and a search of 150
candidates wastes them on such points. The rules were found on an H200 over ten f16 products and a convolution, 3,300
points in all: they state what the best points had in common when a search had come near the default. Padding without a
remainder gained nothing at best. With these rules the geometric mean over the ten rose from 1.20 to 1.39
(docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import z3

from tuner.constraints import Knob, Rule
from tuner.spaces.gpu.tiles import occupancy_rule
from tuner.targets import MatrixIntrinsic
from tuner.targets.nvidia import MMA_SYNC, registers_for

_SOURCE = "measured on an H200 over ten products of real models"
_FEWEST_SUMS = 16
# Registers of a thread that a dispatch takes beside its sums, at least.
_OTHER_REGISTERS = 64
_MOST_THREADS = 512
_FEWEST_THREADS = 64
_DEPTHS = (48, 160)
_BOTH = 3


def is_measured(intrinsics: Sequence[MatrixIntrinsic]) -> bool:
    """Whether all of these are instructions of the kind that was measured."""
    return all(intrinsic.name in MMA_SYNC for intrinsic in intrinsics)


def has_whole_steps(sums: int, unit: int) -> bool:
    """Whether steps of an allowed depth, a multiple of `unit`, leave no remainder of that many sums."""
    return any(sums % depth == 0 and depth % unit == 0 for depth in range(_DEPTHS[0], _DEPTHS[1] + 1))


def mma_sync_rules(
    *,
    promoted: z3.ArithRef,
    reduces_conflicts: z3.BoolRef,
    padded: z3.ArithRef,
    aligned: z3.BoolRef,
    occupancy: Knob,
    lane_sums: z3.ArithRef,
    threads: z3.ArithRef,
    depth: z3.ArithRef,
) -> list[Rule]:
    """The rules, over a lane's sums, a workgroup's threads and the depth of a step's sums."""
    return [
        Rule("both operands go through shared memory", promoted == _BOTH, _SOURCE),
        Rule("bank conflicts are reduced", reduces_conflicts, _SOURCE),
        Rule("nothing is padded if tiles leave no remainder", z3.Or(padded == 0, z3.Not(aligned)), _SOURCE),
        Rule(f"a lane sums at least {_FEWEST_SUMS} elements", lane_sums >= _FEWEST_SUMS, _SOURCE),
        occupancy_rule(occupancy.var, threads),
        Rule(
            "the occupancy asked for leaves registers for a lane's sums, and as many as other values take",
            z3.And(
                [
                    z3.Or(occupancy.var != subgroups, lane_sums + _OTHER_REGISTERS <= registers_for(subgroups))
                    for subgroups in occupancy.domain
                    if subgroups
                ]
            ),
            _SOURCE,
        ),
        Rule(
            f"a workgroup has {_FEWEST_THREADS} to {_MOST_THREADS} threads",
            z3.And(threads >= _FEWEST_THREADS, threads <= _MOST_THREADS),
            _SOURCE,
        ),
        Rule(
            f"a step's sums are {_DEPTHS[0]} to {_DEPTHS[1]} deep",
            z3.And(depth >= _DEPTHS[0], depth <= _DEPTHS[1]),
            _SOURCE,
        ),
    ]

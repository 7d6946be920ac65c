# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tile sizes worth asking for on GPUs, and what the rules on them share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import z3

from tuner.constraints import ConstraintError, Knob, Rule
from tuner.dispatch import GpuSettings, Problem
from tuner.spaces import tiles as shared
from tuner.spaces.tiles import divisors, ordered, powers_of_two
from tuner.targets import GpuLimits, Limits
from tuner.targets.nvidia import LANES, SCHEDULERS

TARGETS = ("cuda", "rocm")
ELEMENT_BYTES = {
    **shared.ELEMENT_BYTES,
    **dict.fromkeys(("f8E4M3FN", "f8E5M2", "f8E4M3FNUZ", "f8E5M2FNUZ"), 1),
}
# Bytes of a thread's widest load. Source: IREE's default configurations take 128 bits unless a chip states otherwise.
LOAD_BYTES = 16
# Which operands of a product go through shared memory, by the value of a knob: none, one, or both (the default).
PROMOTED: dict[int, tuple[int, ...]] = {0: (), 1: (0,), 2: (1,), 3: (0, 1)}
# A contraction of fewer rows or columns is memory bound, and IREE treats it as a reduction.
# Source: IREE, kVerySkinnyDimThreshold in LLVMGPU/KernelConfig.cpp.
SKINNY = 4


# The knob of `denormal_knobs`.
FLUSHES = "flushes_denormals"


def gpu_limits(limits: Limits) -> GpuLimits:
    """The GPU's limits. Raises ConstraintError if they are those of another device."""
    if limits.gpu is None:
        raise ConstraintError(
            "this space is for GPUs, and the limits are another device's; read them from a GPU target"
        )
    return limits.gpu


def extents(problem: Problem, *roles: str) -> list[int]:
    """The extents of the loops of these roles."""
    return [loop.extent for loop in problem.loops if loop.role in roles]


def is_skinny(problem: Problem) -> bool:
    """Whether a contraction has so few rows or columns that IREE reduces rather than tiles it."""
    rows, columns = extents(problem, "m"), extents(problem, "n")
    wide = [extent for extent in rows + columns if extent != 1]
    if len(wide) <= 1:
        return True
    plain = len(rows) == len(columns) == len(extents(problem, "k")) == 1 and not extents(problem, "batch")
    return plain and min(wide) <= SKINNY


def tiles(extent: int, unit: int, most: int) -> tuple[int, ...]:
    """Multiples of `unit` up to `most`: 1 and 3 times powers of two, and divisors of the extent."""
    scaled = [unit * factor * power for factor in (1, 3) for power in powers_of_two(most)]
    whole = [tile for tile in divisors(extent) if tile % unit == 0]
    found = [tile for tile in (*scaled, *whole) if tile <= most]
    reach = min((unit * power for power in powers_of_two(most) if unit * power >= extent), default=most)
    return ordered(tile for tile in found if tile <= reach) or (unit,)


def lookup(index: z3.ArithRef, values: Iterable[tuple[int, int]]) -> z3.ArithRef:
    """The value that belongs to the index, of (index, value) pairs."""
    *others, (_, last) = values
    chosen = z3.IntVal(last)
    for key, value in reversed(others):
        chosen = z3.If(index == key, z3.IntVal(value), chosen)
    return chosen


def thread_rules(threads: z3.ArithRef, subgroup: z3.ArithRef, gpu: GpuLimits) -> list[Rule]:
    """The rules on a workgroup's threads."""
    return [
        Rule(
            f"a workgroup has at most {gpu.max_workgroup_threads} threads",
            threads <= gpu.max_workgroup_threads,
            "the chip's limit, as the compiler states it",
        ),
        Rule(
            "a workgroup's threads fill whole subgroups",
            threads % subgroup == 0,
            "lanes without work are wasted, and IREE refuses some such sizes",
        ),
    ]


def has_strides(problem: Problem) -> bool:
    """Whether a loop of a convolution's output is multiplied in the image's map."""
    image = {index for index, loop in enumerate(problem.loops) if loop.role == "image"}
    return any(int(loop) in image for loop in re.findall(r"d(\d+) \*", problem.operands[0].indexing_map))


def has_known_types(problem: Problem) -> bool:
    """Whether the sizes of all operands' elements are known."""
    return all(operand.element_type in ELEMENT_BYTES for operand in problem.operands)


def unlimited_occupancies(gpu: GpuLimits) -> tuple[int, ...]:
    """The occupancies to ask for in pipelines for which a limit on registers was never measured; 0 asks for none."""
    return (0,) if gpu.occupancy_limits_registers else gpu.occupancies


def denormal_knobs(gpu: GpuLimits) -> tuple[Knob, ...]:
    """The knob for whether f32 values too small for full precision count as 0, on AMD GPUs.

    Measured on code for gfx942: it changes softmax and matrix-vector products by VectorDistribute. It changes nothing
    that TileAndFuse makes (products in f16 and f32, exp, tanh, sqrt and log of elements).
    """
    return (Knob(FLUSHES, (0, 1)),) if gpu.chip.startswith("gfx") else ()


def occupancy_rule(occupancy: z3.ArithRef, threads: z3.ArithRef) -> Rule:
    """On NVIDIA GPUs: with fewer subgroups per scheduler than one workgroup has there, its threads would take more
    registers than there are."""
    quarter = LANES * SCHEDULERS
    return Rule(
        "one workgroup has no more subgroups per scheduler than are asked for",
        z3.Or(occupancy == 0, (threads + (quarter - 1)) / quarter <= occupancy),
        "probed: the driver refuses to start 320 threads of 200 registers each",
    )


def bytes_of(problem: Problem, operand: int) -> int:
    """The bytes of an operand's element."""
    return ELEMENT_BYTES[problem.operands[operand].element_type]


def ends_with_sums(problem: Problem, operand: int) -> bool:
    """Whether an operand's innermost dimension runs along a loop of sums."""
    innermost = problem.operands[operand].loops[-1]
    return innermost >= 0 and not problem.loops[innermost].is_parallel


def copies_whole(problem: Problem, operand: int) -> bool:
    """Whether a row of an operand consists of whole loads of `LOAD_BYTES` bytes, and none of them crosses its end."""
    innermost = problem.operands[operand].loops[-1]
    return innermost >= 0 and problem.loops[innermost].extent * bytes_of(problem, operand) % LOAD_BYTES == 0


def per_loop(count: int, values: Mapping[int, int]) -> tuple[int, ...]:
    """The values by loop, 0 elsewhere."""
    return tuple(values.get(index, 0) for index in range(count))


def settings(point: Mapping[str, int], workgroup_size: tuple[int, ...]) -> GpuSettings:
    """The settings that a point's knobs of those names stand for."""
    stages, conflicts = point.get("prefetch_num_stages", 0), point.get("no_reduce_shared_memory_bank_conflicts")
    return GpuSettings(
        workgroup_size,
        point["subgroup_size"],
        promoted=PROMOTED[point.get("promoted", 0)],
        prefetch_num_stages=stages or None,
        no_reduce_shared_memory_bank_conflicts=None if conflicts is None else bool(conflicts),
        occupancy=point.get("occupancy", 0),
        flushes_denormals=bool(point.get(FLUSHES, 0)),
    )

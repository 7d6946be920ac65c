# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions on GPUs by VectorDistribute: vectors of a workgroup's tile are distributed to subgroups and lanes.

A tile of rows, columns and sums divides its loop: the pipeline pads nothing. Both operands go through shared memory.
IREE takes this pipeline for products only if a flag asks for it. `gpu-contraction` (TileAndFuse) comes first: this
space serves if it is named (`--space gpu-contraction-vectors`).

Source of the form: IREE, `setMatmulVectorDistributionConfig` in LLVMGPU/KernelConfig.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.matrix_tiles import matrix_intrinsics
from tuner.spaces.gpu.thread_tiles import thread_configuration, thread_space
from tuner.spaces.gpu.tiles import (
    FLUSHES,
    LOAD_BYTES,
    bytes_of,
    extents,
    gpu_limits,
    has_known_types,
    is_skinny,
    lookup,
    per_loop,
    settings,
)
from tuner.spaces.tiles import divisors, knob_name, ordered
from tuner.targets import GpuLimits, Limits, MatrixIntrinsic

_SUBGROUPS = (1, 2, 4, 8)
# Rows and columns of most instructions, and the bytes of a row of sums.
_ROWS, _SUM_BYTES = 16, 32
# Rows, columns and sums of a tile at most: larger ones do not fit registers or shared memory.
_MOST_TILE = 512
# Elements that a lane may sum. AMD's lanes have 512 registers, NVIDIA's 255, of which half may hold sums.
_ACCUMULATORS, _ACCUMULATORS_NVIDIA = 256, 128
# Instructions that a subgroup may run in a step. They are unrolled.
_MOST_INSTRUCTIONS = 128
# The value of the knob for operands through shared memory: both.
_BOTH = 3


@dataclass(frozen=True, slots=True)
class GpuContractionVectors:
    """Contractions of wide operands whose sizes are multiples of what instructions take. Without an instruction for
    their types every thread computes by itself, as in `gpu-contraction`."""

    priority: int = -1

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target in ("cuda", "rocm")
            and problem.kind == "contraction"
            and has_known_types(problem)
            and not is_skinny(problem)
            and _has_whole_tiles(problem)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        gpu = gpu_limits(limits)
        loops = {role: _inner(problem, role) for role in ("m", "n", "k")}
        extent = {role: problem.loops[loop].extent for role, loop in loops.items()}
        intrinsics = [found for found in matrix_intrinsics(problem, gpu) if _fits(found, extent)]
        if not intrinsics:
            return thread_space(problem, gpu, promoted=(0, 3))
        intrinsic = Knob("intrinsic", tuple(sorted(found.number for found in intrinsics)))
        tiles = {
            role: Knob(_tile_name(problem, role), ordered(tile for tile in divisors(size) if tile <= _MOST_TILE))
            for role, size in extent.items()
        }
        along = {role: Knob(knob_name("subgroups", problem.loop_names[loops[role]]), _SUBGROUPS) for role in ("m", "n")}
        size = Knob("subgroup_size", ordered(found.subgroup_size for found in intrinsics))
        knobs = (
            *(intrinsic, size, *tiles.values(), *along.values()),
            Knob("prefetch_num_stages", (0, 2)),
            Knob("padding_bits", (0, 64)),
            Knob("occupancy", gpu.occupancies),
            Knob(FLUSHES, (0, 1)),
        )

        def of(what: Callable[[MatrixIntrinsic], int]) -> z3.ArithRef:
            return lookup(intrinsic.var, ((found.number, what(found)) for found in intrinsics))

        tile = {role: knob.var for role, knob in tiles.items()}
        unit = {"m": of(lambda found: found.m), "n": of(lambda found: found.n), "k": of(lambda found: found.k)}
        threads = along["m"].var * along["n"].var * size.var
        rules = (
            Rule(
                "the subgroup is the instruction's",
                size.var == of(lambda found: found.subgroup_size),
                "an instruction runs on one subgroup",
            ),
            *(
                Rule(
                    f"subgroups along loop {name} take whole instructions",
                    tile[role] % (unit[role] * (along[role].var if role in along else 1)) == 0,
                    "IREE lays whole instructions over a tile",
                )
                for role, name in ((role, problem.loop_names[loop]) for role, loop in loops.items())
            ),
            *_limit_rules(problem, gpu, tile, unit, threads, size.var),
        )
        return Space(knobs, rules)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        if "intrinsic" not in point:
            return thread_configuration(problem, point, is_flat=False)
        count = len(problem.loops)
        inner = {role: _inner(problem, role) for role in ("m", "n", "k")}
        ones = {index: 1 for index, loop in enumerate(problem.loops) if loop.is_parallel}
        sums = {index: 1 for index, loop in enumerate(problem.loops) if not loop.is_parallel}
        along = {role: point[knob_name("subgroups", problem.loop_names[inner[role]])] for role in ("m", "n")}
        tile = {role: point[_tile_name(problem, role)] for role in inner}
        subgroups = per_loop(count, {inner[role]: number for role, number in along.items()})
        chosen = settings({**point, "promoted": _BOTH}, (along["m"] * along["n"] * point["subgroup_size"], 1, 1))
        return Configuration(
            "VectorDistribute",
            {
                "workgroup": per_loop(count, {**ones, inner["m"]: tile["m"], inner["n"]: tile["n"]}),
                "reduction": per_loop(count, {**sums, inner["k"]: tile["k"]}),
                "subgroup_basis": tuple(number or 1 for number in subgroups),
            },
            gpu=replace(
                chosen,
                intrinsic=point["intrinsic"],
                no_reduce_shared_memory_bank_conflicts=point["padding_bits"] == 0,
            ),
        )


SPACE = GpuContractionVectors()


def _inner(problem: Problem, role: str) -> int:
    """The last loop of a role. Tiles have one iteration of the others."""
    return max(index for index, loop in enumerate(problem.loops) if loop.role == role)


def _has_whole_tiles(problem: Problem) -> bool:
    """Whether the instructions of most chips take the loops without a remainder."""
    if not all(extents(problem, role) for role in ("m", "n", "k")):
        return False
    units = {"m": _ROWS, "n": _ROWS, "k": _SUM_BYTES // max(bytes_of(problem, operand) for operand in (0, 1))}
    return all(problem.loops[_inner(problem, role)].extent % unit == 0 for role, unit in units.items())


def _tile_name(problem: Problem, role: str) -> str:
    return knob_name("reduction" if role == "k" else "workgroup", problem.loop_names[_inner(problem, role)])


def _fits(intrinsic: MatrixIntrinsic, extent: Mapping[str, int]) -> bool:
    return extent["m"] % intrinsic.m == extent["n"] % intrinsic.n == extent["k"] % intrinsic.k == 0


def _limit_rules(
    problem: Problem,
    gpu: GpuLimits,
    tile: Mapping[str, z3.ArithRef],
    unit: Mapping[str, z3.ArithRef],
    threads: z3.ArithRef,
    subgroup_size: z3.ArithRef,
) -> tuple[Rule, ...]:
    """The rules on threads, registers, shared memory, and what a subgroup does in a step."""
    operands = (tile["m"] * tile["k"], tile["n"] * tile["k"])
    widths = [bytes_of(problem, operand) for operand in (0, 1)]
    accumulators = _ACCUMULATORS_NVIDIA if gpu.occupancy_limits_registers else _ACCUMULATORS
    parts = tile["m"] * tile["n"] * tile["k"] / (unit["m"] * unit["n"] * unit["k"])
    return (
        Rule(
            f"a workgroup has at most {gpu.max_workgroup_threads} threads",
            threads <= gpu.max_workgroup_threads,
            "the chip's limit, as the compiler states it",
        ),
        Rule(
            f"a lane sums at most {accumulators} elements",
            tile["m"] * tile["n"] <= accumulators * threads,
            "estimate: half of a lane's registers, 512 on CDNA and 255 on NVIDIA's GPUs",
        ),
        Rule(
            f"both tiles fit {gpu.shared_memory_bytes} bytes of shared memory",
            widths[0] * operands[0] + widths[1] * operands[1] <= gpu.shared_memory_bytes,
            "the chip's limit, as the compiler states it",
        ),
        Rule(
            "the vectors of both tiles spread evenly over the threads",
            z3.And(
                [
                    z3.Or(size % (LOAD_BYTES // width * threads) == 0, (LOAD_BYTES // width * threads) % size == 0)
                    for size, width in zip(operands, widths, strict=True)
                ]
            ),
            "probed: otherwise the compiler fails to derive a layout for promoted tiles",
        ),
        Rule(
            f"a subgroup runs at most {_MOST_INSTRUCTIONS} instructions in a step",
            parts * subgroup_size <= _MOST_INSTRUCTIONS * threads,
            "probed: they are unrolled, and more take tens of seconds to compile",
        ),
    )

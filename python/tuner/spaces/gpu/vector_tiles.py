# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""VectorDistribute with a matrix instruction: vectors of a workgroup's tile are distributed to subgroups and lanes.

A tile has rows along one loop, columns along one and sums along one, and a single iteration of all other loops. It
divides these loops: the pipeline pads nothing. Both operands go through shared memory.

Source of the form: IREE, `setMatmulVectorDistributionConfig` in LLVMGPU/KernelConfig.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.spaces.gpu.tiles import FLUSHES, LOAD_BYTES, bytes_of, lookup, per_loop, settings
from tuner.spaces.tiles import divisors, knob_name, ordered
from tuner.targets import GpuLimits, MatrixIntrinsic

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
class Tiled:
    """The loops of a problem along which a tile has more than one iteration, by number."""

    rows: int
    columns: int
    sums: int

    @staticmethod
    def of(problem: Problem, rows: str, columns: str, sums: str) -> Tiled | None:
        """The innermost loops of these roles; None if a role has no loop."""
        found = []
        for role in (rows, columns, sums):
            loops = [index for index, loop in enumerate(problem.loops) if loop.role == role]
            if not loops:
                return None
            found.append(max(loops))
        return Tiled(*found)

    @property
    def by_level(self) -> dict[str, int]:
        """By what an instruction calls them: m, n and k."""
        return {"m": self.rows, "n": self.columns, "k": self.sums}


def has_whole_tiles(problem: Problem, tiled: Tiled) -> bool:
    """Whether the instructions of most chips take the loops without a remainder."""
    depth = _SUM_BYTES // max(bytes_of(problem, operand) for operand in (0, 1))
    units = {tiled.rows: _ROWS, tiled.columns: _ROWS, tiled.sums: depth}
    return all(problem.loops[loop].extent % unit == 0 for loop, unit in units.items())


def vector_space(
    problem: Problem, tiled: Tiled, intrinsics: tuple[MatrixIntrinsic, ...], gpu: GpuLimits
) -> Space | None:
    """What may be chosen with those of the instructions that take the loops without a remainder; None if none does."""
    loops = tiled.by_level
    extent = {level: problem.loops[loop].extent for level, loop in loops.items()}
    fitting = [found for found in intrinsics if _fits(found, extent)]
    if not fitting:
        return None
    intrinsic = Knob("intrinsic", tuple(sorted(found.number for found in fitting)))
    tiles = {
        level: Knob(
            _tile_name(problem, level, loops[level]), ordered(tile for tile in divisors(size) if tile <= _MOST_TILE)
        )
        for level, size in extent.items()
    }
    along = {level: Knob(knob_name("subgroups", problem.loop_names[loops[level]]), _SUBGROUPS) for level in ("m", "n")}
    size = Knob("subgroup_size", ordered(found.subgroup_size for found in fitting))
    knobs = (
        *(intrinsic, size, *tiles.values(), *along.values()),
        Knob("prefetch_num_stages", (0, 2)),
        Knob("padding_bits", (0, 64)),
        Knob("occupancy", gpu.occupancies),
        Knob(FLUSHES, (0, 1)),
    )

    def of(what: Callable[[MatrixIntrinsic], int]) -> z3.ArithRef:
        return lookup(intrinsic.var, ((found.number, what(found)) for found in fitting))

    tile = {level: knob.var for level, knob in tiles.items()}
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
                f"subgroups along loop {problem.loop_names[loop]} take whole instructions",
                tile[level] % (unit[level] * (along[level].var if level in along else 1)) == 0,
                "IREE lays whole instructions over a tile",
            )
            for level, loop in loops.items()
        ),
        *_limit_rules(problem, gpu, tile, unit, threads, size.var),
    )
    return Space(knobs, rules)


def vector_configuration(problem: Problem, tiled: Tiled, point: Mapping[str, int]) -> Configuration:
    """The configuration that a point stands for."""
    count, loops = len(problem.loops), tiled.by_level
    ones = {index: 1 for index, loop in enumerate(problem.loops) if loop.is_parallel}
    sums = {index: 1 for index, loop in enumerate(problem.loops) if not loop.is_parallel}
    along = {level: point[knob_name("subgroups", problem.loop_names[loops[level]])] for level in ("m", "n")}
    tile = {level: point[_tile_name(problem, level, loop)] for level, loop in loops.items()}
    subgroups = per_loop(count, {loops[level]: number for level, number in along.items()})
    chosen = settings({**point, "promoted": _BOTH}, (along["m"] * along["n"] * point["subgroup_size"], 1, 1))
    return Configuration(
        "VectorDistribute",
        {
            "workgroup": per_loop(count, {**ones, loops["m"]: tile["m"], loops["n"]: tile["n"]}),
            "reduction": per_loop(count, {**sums, loops["k"]: tile["k"]}),
            "subgroup_basis": tuple(number or 1 for number in subgroups),
        },
        gpu=replace(
            chosen,
            intrinsic=point["intrinsic"],
            no_reduce_shared_memory_bank_conflicts=point["padding_bits"] == 0,
        ),
    )


def _tile_name(problem: Problem, level: str, loop: int) -> str:
    return knob_name("reduction" if level == "k" else "workgroup", problem.loop_names[loop])


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

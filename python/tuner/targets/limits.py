# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler states of a device, as far as a space or a result depends on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MatrixIntrinsic:
    """A matrix instruction of a GPU: lhs [m, k] times rhs [k, n], summed in [m, n], by one subgroup.

    A virtual one is composed of several instructions by the compiler. `number` is the compiler's, and stands for it in
    configurations.
    """

    name: str
    number: int
    m: int
    n: int
    k: int
    lhs_type: str
    rhs_type: str
    sum_type: str
    subgroup_size: int
    is_virtual: bool


@dataclass(frozen=True, slots=True)
class GpuLimits:
    """What a space needs to know of a GPU.

    `processors` is None if neither driver nor compiler states how many there are. `occupancies` are those that the code
    generator can be asked for, in subgroups that share a scheduler; 0 asks for none.
    `occupancy_limits_registers`: to ask for an occupancy limits the registers of a thread.
    `warpgroup_memory_bytes`: the shared memory of code that multiplies by Hopper's `wgmma`; 0 if the GPU has none.
    `lists_passes`: configurations may list passes in place of a pipeline of IREE's.
    """

    chip: str
    subgroup_sizes: tuple[int, ...]
    max_workgroup_sizes: tuple[int, ...]
    max_workgroup_threads: int
    shared_memory_bytes: int
    processors: int | None
    intrinsics: tuple[MatrixIntrinsic, ...]
    occupancies: tuple[int, ...] = (0,)
    occupancy_limits_registers: bool = False
    warpgroup_memory_bytes: int = 0
    lists_passes: bool = True

    def intrinsics_for(self, lhs_type: str, rhs_type: str, sum_type: str) -> tuple[MatrixIntrinsic, ...]:
        """The matrix instructions for these element types, in the compiler's order."""
        wanted = (lhs_type, rhs_type, sum_type)
        return tuple(
            intrinsic
            for intrinsic in self.intrinsics
            if (intrinsic.lhs_type, intrinsic.rhs_type, intrinsic.sum_type) == wanted
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a space needs to know of a device. Read from the compiled IR, never guessed.

    `vector_bytes`: the native vector's width. `threads`: how many threads run a dispatch. `gpu`: a GPU's limits, which
    has no native vector and 1 thread of the host. `microkernels`: whether data-tiled products call hand-written code.
    """

    vector_bytes: int
    threads: int
    gpu: GpuLimits | None = None
    microkernels: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the compiler states of the device that it makes code for.

    `description`: the processor and features that a tuning result is tied to, for people. `features`: those of the
    processor that code is made for, as the compiler names them.
    """

    limits: Limits
    description: str
    features: tuple[str, ...] = ()

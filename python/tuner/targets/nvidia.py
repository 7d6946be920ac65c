# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's multiprocessors, as far as occupancy depends on them, and the matrix instructions of PTX's `mma.sync`.

Source of the registers: CUDA C++ Programming Guide, compute capabilities 8.0 to 9.0: 64 K registers, 4 schedulers of
32 lanes.
"""

from __future__ import annotations

LANES, SCHEDULERS = 32, 4
# Registers of a lane for all subgroups of a scheduler, the most for one subgroup, and the step of an allocation.
_REGISTERS, _MOST_REGISTERS, _STEP = 512, 255, 8
# IREE's names of its instructions that become `mma.sync`. Unlike others they cannot start from sums.
# Source: IREE 3.13, `isNvMmaSync` in Dialect/GPU/TargetUtils/ConfigUtils.cpp.
MMA_SYNC = frozenset(
    (
        "NV_MMA_SYNC_F16_16x8x16_F16",
        "NV_MMA_SYNC_F32_16x8x16_BF16",
        "NV_MMA_SYNC_F32_16x8x16_F16",
        "NV_MMA_SYNC_F32_16x8x32_F8E4M3FN",
        "NV_MMA_SYNC_F32_16x8x32_F8E5M2",
    )
)

HOPPER = (9, 0)
"""The compute capability whose GPUs have `wgmma`. Later ones have other instructions, and do not run its code."""
HOPPER_MEMORY_BYTES = 227 * 1024
"""The shared memory of a workgroup there; code for sm_80 may take 163 KiB.

Source: CUDA C++ Programming Guide, technical specifications per compute capability.
"""


def registers_for(occupancy: int) -> int:
    """The most registers of a thread with which that many subgroups share a scheduler."""
    return min(_REGISTERS // occupancy // _STEP * _STEP, _MOST_REGISTERS)

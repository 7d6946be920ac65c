# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A multiprocessor of NVIDIA's, as occupancy sees it.

Source: CUDA C++ Programming Guide, compute capabilities 8.0 to 9.0: 64 K registers, 4 schedulers of 32 lanes.
"""

from __future__ import annotations

LANES, SCHEDULERS = 32, 4
# Of a lane, for all subgroups of a scheduler; at most for one of them; and how finely they are given out.
_REGISTERS, _MOST_REGISTERS, _STEP = 512, 255, 8


def registers_for(waves_per_eu: int) -> int:
    """The registers of a thread with which so many subgroups share a scheduler."""
    return min(_REGISTERS // waves_per_eu // _STEP * _STEP, _MOST_REGISTERS)

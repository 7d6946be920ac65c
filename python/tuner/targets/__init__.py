# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Targets: how to compile for a kind of device, run on it, and hand a configuration to its code generator.

A target is one file, registered as an entry point of the group `tuner.targets`.
"""

from tuner.targets.device import Allocator, Device, allocator_flags
from tuner.targets.limits import DeviceFacts, GpuLimits, Limits, MatrixIntrinsic
from tuner.targets.target import Attributes, Compilation, Place, Target

__all__ = [
    "Allocator",
    "Attributes",
    "Compilation",
    "Device",
    "DeviceFacts",
    "GpuLimits",
    "Limits",
    "MatrixIntrinsic",
    "Place",
    "Target",
    "allocator_flags",
]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""AMD GPUs through IREE's ROCm backend: not registered, since `iree-tune run` cannot use it yet."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.targets import Device
from tuner.targets.gpu import GpuTarget


@dataclass(frozen=True, slots=True)
class RocmTarget(GpuTarget):
    """One GPU, compiled for `chip`."""

    chip: str = "gfx942"

    @property
    def name(self) -> str:
        return "rocm"

    @property
    def device(self) -> Device:
        return Device("hip", (), "wall", self.chip)

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return ("--iree-hal-target-device=hip", f"--iree-rocm-target={self.chip}")

    @property
    def reads_specs(self) -> bool:
        return True

    @property
    def waves_per_eu(self) -> tuple[int, ...]:
        return (0, 2)

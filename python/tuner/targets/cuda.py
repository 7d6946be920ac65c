# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA GPUs through IREE's CUDA backend: not registered, since `iree-tune run` cannot use it yet."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.targets import Device
from tuner.targets.gpu import GpuTarget


@dataclass(frozen=True, slots=True)
class CudaTarget(GpuTarget):
    """One GPU, compiled for `chip`."""

    chip: str = "sm_80"

    @property
    def name(self) -> str:
        return "cuda"

    @property
    def device(self) -> Device:
        return Device("cuda", (), "wall", self.chip)

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return ("--iree-hal-target-device=cuda", f"--iree-cuda-target={self.chip}")

    @property
    def reads_specs(self) -> bool:
        # IREE 3.11 to 3.13 ignore the flag for CUDA without a word.
        return False

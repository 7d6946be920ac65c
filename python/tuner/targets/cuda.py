# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA GPUs through IREE's CUDA backend."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.targets import Device
from tuner.targets.cuda_chip import chip_for, find_device
from tuner.targets.gpu import GpuTarget, check_threads


@dataclass(frozen=True, slots=True)
class CudaTarget(GpuTarget):
    """One GPU, compiled for `chip`; `label` says which GPU runs it, `uris` where, for several equal ones."""

    chip: str = "sm_80"
    label: str = ""
    uris: tuple[str, ...] = ("cuda",)

    @property
    def name(self) -> str:
        return "cuda"

    @property
    def device(self) -> Device:
        return self.devices[0]

    @property
    def devices(self) -> tuple[Device, ...]:
        label = f"{self.label}, code for {self.chip}" if self.label else self.chip
        return tuple(Device(uri, (), "wall", label, compiles_on_load=True) for uri in self.uris)

    @property
    def note(self) -> str:
        return f"{self.label}: compiling for {self.chip}" if self.label else ""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return ("--iree-hal-target-device=cuda", f"--iree-cuda-target={self.chip}")

    @property
    def reads_specs(self) -> bool:
        # IREE 3.11 to 3.13 ignore the flag for CUDA without a word.
        return False


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> CudaTarget:
    """The target for a chip, or for this machine's GPU. Raises InputError."""
    check_threads("cuda", threads)
    uris = devices or ("cuda",)
    if chip:
        return CudaTarget(chip, uris=uris)
    device = find_device()
    return CudaTarget(chip_for(device), device.name, uris)

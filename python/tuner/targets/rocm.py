# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""AMD GPUs through IREE's ROCm backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import InputError
from tuner.targets.device import Device
from tuner.targets.gpu import GpuTarget, check_threads, device_uris
from tuner.targets.rocm_chip import find_chips
from tuner.targets.target import tuning_spec_flags


@dataclass(frozen=True, slots=True)
class RocmTarget(GpuTarget):
    """One GPU, compiled for `chip`."""

    chip: str = "gfx942"
    uris: tuple[str, ...] = ("hip",)

    @property
    def name(self) -> str:
        return "rocm"

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(Device(uri, (), "wall", self.chip, may_race=True) for uri in self.uris)

    @property
    def machine_code_for(self) -> str:
        return self.chip

    @property
    def note(self) -> str:
        return ""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return ("--iree-hal-target-device=hip", f"--iree-rocm-target={self.chip}")

    @property
    def reads_specs(self) -> bool:
        return True

    def spec_flags(self, spec: Path) -> tuple[str, ...]:
        return tuning_spec_flags(spec)

    @property
    def occupancies(self) -> tuple[int, ...]:
        return (0, 2)

    @property
    def prefetches(self) -> bool:
        return True

    def llvm_attributes(self, occupancy: int) -> Mapping[str, str]:
        return {"amdgpu-waves-per-eu": str(occupancy)} if occupancy else {}


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> RocmTarget:
    """The target for a chip. Raises InputError if none is named."""
    check_threads("rocm", threads)
    if not chip:
        raise InputError("name the AMD GPU's chip, as in --target rocm:gfx942")
    if "all" not in devices:
        return RocmTarget(chip, device_uris("hip", devices))
    chips = find_chips()
    if set(chips) != {chip}:
        raise InputError(
            f"not every GPU of this machine is {chip} ({', '.join(chips) or 'none'}); name equal ones by --device"
        )
    return RocmTarget(chip, device_uris("hip", devices, len(chips)))

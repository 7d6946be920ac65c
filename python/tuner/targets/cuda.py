# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA GPUs through IREE's CUDA backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.dispatch import Configuration
from tuner.errors import InputError
from tuner.targets.cuda_chip import chip_for, find_devices
from tuner.targets.device import CUPTI, Device
from tuner.targets.gpu import GpuTarget, check_threads, device_uris
from tuner.targets.nvidia import HOPPER, HOPPER_MEMORY_BYTES, registers_for
from tuner.targets.target import NO_THREADS, SPEC_ENTRY_POINT

# Source: LLVM's NVPTX back end, which writes this attribute of a function as PTX's `.maxnreg`.
_MAX_REGISTERS = "nvvm.maxnreg"
# IREE 3.13 has no such chip: code is for the one before, but for dispatches that our passes make Hopper's.
_HOPPER_CHIP, _CHIP_FOR_HOPPER = "sm_90", "sm_80"


@dataclass(frozen=True, slots=True)
class CudaTarget(GpuTarget):
    """One GPU, compiled for `chip`; `label` says which GPU runs it, `uris` where, for several equal ones.

    `processors`: the number of multiprocessors of the GPU that runs it, if there is one, `runs_on` its chip.
    `is_hopper`: whether it has Hopper's instructions, which code for `chip` may use in single dispatches.
    `clock`: that of `Device`.
    """

    chip: str = "sm_80"
    label: str = ""
    uris: tuple[str, ...] = ("cuda",)
    processors: int | None = None
    is_hopper: bool = False
    runs_on: str = ""
    clock: str = "wall"

    @property
    def name(self) -> str:
        return "cuda"

    @property
    def devices(self) -> tuple[Device, ...]:
        label = f"{self.label}, code for {self.chip}" if self.label else self.chip
        if self.clock == CUPTI:
            label += ", dispatches timed by the device's clock (CUPTI)"
        return tuple(
            Device(uri, (), self.clock, label, compiles_on_load=True, may_race=True, has_racecheck=True)
            for uri in self.uris
        )

    def by_device_clock(self) -> CudaTarget:
        return replace(self, clock=CUPTI)

    @property
    def machine_code_for(self) -> str:
        return self.runs_on or (_HOPPER_CHIP if self.is_hopper else self.chip)

    @property
    def note(self) -> str:
        return f"{self.label}: compiling for {self.chip}" if self.label else ""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return ("--iree-hal-target-device=cuda", f"--iree-cuda-target={self.chip}")

    @property
    def reads_specs(self) -> bool:
        # The best entries list our passes, so they are late; the others then join them.
        return self.lists_no_passes

    def spec_flags(self, spec: Path) -> tuple[str, ...]:
        # IREE 3.11 to 3.13 silently ignore the flag of tuning specs for CUDA.
        return (f"--iree-codegen-transform-dialect-library={spec}@{SPEC_ENTRY_POINT}", NO_THREADS)

    @property
    def occupancies(self) -> tuple[int, ...]:
        return (0, 2, 3, 4)

    @property
    def warpgroup_memory_bytes(self) -> int:
        return HOPPER_MEMORY_BYTES if self.is_hopper else 0

    @property
    def occupancy_limits_registers(self) -> bool:
        return True

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        """An occupancy is asked for by a limit on a thread's registers.

        Without a limit, the driver's assembler saves registers so that more workgroups run at a time, and orders loads
        worse for it. Below a limit it takes the registers that it needs. Over ten f16 products on an H200 it raised
        the best points of an earlier search, at best from 1.22 to 1.42 times the default's speed (docs/benchmarks.md).
        """
        occupancy = configuration.gpu.occupancy if configuration.gpu else 0
        return {_MAX_REGISTERS: f"{registers_for(occupancy)} : i32"} if occupancy else {}


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> CudaTarget:
    """The target for a chip, or for this machine's GPUs, which must be equal. Raises InputError."""
    check_threads("cuda", threads)
    try:
        found = find_devices()
    except InputError:
        if not chip or "all" in devices:
            raise
        # Code can be compiled for a GPU of another machine.
        is_hopper = chip == _HOPPER_CHIP
        return CudaTarget(
            _CHIP_FOR_HOPPER if is_hopper else chip, uris=device_uris("cuda", devices), is_hopper=is_hopper
        )
    uris = device_uris("cuda", devices, len(found))
    used = {uri: found[_place(uri)] for uri in uris}
    if len(set(used.values())) > 1:
        names = ", ".join(f"{uri} is {device.name}" for uri, device in used.items())
        raise InputError(f"candidates are compared on GPUs of one kind, and {names}; name equal ones by --device")
    device = used[uris[0]]
    is_hopper = device.capability == HOPPER
    if chip and chip != _HOPPER_CHIP:
        return CudaTarget(chip, uris=uris, processors=device.processors, is_hopper=is_hopper, runs_on=device.chip)
    return CudaTarget(chip_for(device), device.name, uris, device.processors, is_hopper, device.chip)


def _place(uri: str) -> int:
    """Its place in the driver's order. A device that is named in another way is assumed to equal the first."""
    last = uri.rpartition("/")[2]
    return int(last) if last.isdecimal() else 0

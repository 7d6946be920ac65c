# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A CPU target for portable binaries: code for a level of x86-64, measured on this processor."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.errors import InputError
from tuner.targets.cpu import CpuTarget

_LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


@dataclass(frozen=True, slots=True)
class PortableCpu(CpuTarget):
    """The host CPU, running code that every processor of a level can run."""

    level: str = "x86-64-v3"

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return (
            "--iree-hal-target-device=local",
            "--iree-hal-local-target-device-backends=llvm-cpu",
            f"--iree-llvmcpu-target-cpu={self.level}",
        )


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> PortableCpu:
    """The target of `--target portable-cpu` or `--target portable-cpu:x86-64-v4`. Raises InputError."""
    if devices:
        raise InputError("the target portable-cpu measures on this machine's own processor; it takes no device")
    if chip and chip not in _LEVELS:
        raise InputError(f"'{chip}' is no level of x86-64; choose one of: {', '.join(_LEVELS)}")
    return PortableCpu(threads, level=chip or "x86-64-v3")

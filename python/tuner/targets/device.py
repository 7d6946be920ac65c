# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A device: where programs run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How a device finds memory for what a model needs during one call: anew for each call, or in what it has kept.
Allocator = Literal["default", "caching"]

# What times dispatches: the host, or the device itself.
Clock = Literal["host", "device"]
CLOCKS: tuple[Clock, ...] = ("host", "device")
# What they are on each kind of device.
HOST_CLOCKS, CUPTI = ("cpu", "wall"), "cupti"


def allocator_flags(allocator: Allocator) -> tuple[str, ...]:
    """The flags by which IREE's tools, such as iree-run-module, run a model with this allocator."""
    return () if allocator == "default" else (f"--device_allocator={allocator}",)


@dataclass(frozen=True, slots=True)
class Device:
    """Where programs run: IREE's device URI, runtime flags, and the clock that measures best there.

    `clock` is "cpu" (the process's CPU time, for devices that run on the calling thread alone), "wall", or "cupti":
    NVIDIA's CUPTI notes when a dispatch ran, and whatever is no dispatch is timed by the wall.
    `compiles_on_load`: its driver compiles a program when it is loaded for the first time, and keeps the result.
    `in_host_memory`: programs live in the process's own memory, which can be bounded. `processors`: the only ones of
    this machine that its process may run on; empty: any. `machine`: the machine that it is on; empty: this one.
    `may_race`: the threads of a program share memory there, so a wrong program can be right many times before it fails.
    `has_racecheck`: NVIDIA's compute-sanitizer can look for such programs.
    """

    uri: str
    runtime_flags: tuple[str, ...]
    clock: str
    label: str
    compiles_on_load: bool = False
    in_host_memory: bool = False
    processors: tuple[int, ...] = ()
    machine: str = ""
    may_race: bool = False
    has_racecheck: bool = False

    @property
    def timed_as(self) -> str:
        """What results must share to be compared: the URI, and the clock if that is one of the device."""
        return self.uri if self.clock in HOST_CLOCKS else f"{self.uri} by {self.clock}"

    @property
    def name(self) -> str:
        """What a user calls it, as in cuda://1 or local-sync://0."""
        name = f"{self.uri}://{','.join(map(str, self.processors))}" if self.processors else self.uri
        return f"{name} on {self.machine}" if self.machine else name

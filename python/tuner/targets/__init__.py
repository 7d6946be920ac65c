# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Targets: how to compile for a kind of device, run on it, and hand a configuration to its code generator.

A target is one file, registered as an entry point of the group `tuner.targets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tuner.dispatch import Configuration

__all__ = ["Device", "GpuLimits", "Limits", "MatrixIntrinsic", "Target"]


@dataclass(frozen=True, slots=True)
class MatrixIntrinsic:
    """A matrix instruction of a GPU: lhs [m, k] times rhs [k, n], summed in [m, n], by one subgroup.

    A virtual one is composed of several instructions by the compiler. `number` is the compiler's, and stands for it in
    configurations.
    """

    name: str
    number: int
    m: int
    n: int
    k: int
    lhs_type: str
    rhs_type: str
    sum_type: str
    subgroup_size: int
    is_virtual: bool


@dataclass(frozen=True, slots=True)
class GpuLimits:
    """What a space needs to know of a GPU.

    `processors` is None where neither driver nor compiler says how many there are. `waves_per_eu` are the occupancies
    that the code generator can be asked for, in subgroups that share a scheduler; 0 asks for none.
    """

    chip: str
    subgroup_sizes: tuple[int, ...]
    max_workgroup_sizes: tuple[int, ...]
    max_workgroup_threads: int
    shared_memory_bytes: int
    processors: int | None
    intrinsics: tuple[MatrixIntrinsic, ...]
    waves_per_eu: tuple[int, ...] = (0,)

    def intrinsics_for(self, lhs_type: str, rhs_type: str, sum_type: str) -> tuple[MatrixIntrinsic, ...]:
        """The matrix instructions for these element types, in the compiler's order."""
        wanted = (lhs_type, rhs_type, sum_type)
        return tuple(each for each in self.intrinsics if (each.lhs_type, each.rhs_type, each.sum_type) == wanted)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a space needs to know of a device. Read from the compiled IR, never guessed.

    `vector_bytes`: the native vector's width. `threads`: how many threads run a dispatch. `gpu`: a GPU's limits, which
    has no native vector and 1 thread of the host.
    """

    vector_bytes: int
    threads: int
    gpu: GpuLimits | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Where programs run: IREE's device URI, runtime flags, and the clock that measures best there.

    `clock` is "cpu" (the process's CPU time, for devices that run on the calling thread alone) or "wall".
    `compiles_on_load`: its driver compiles a program when it is loaded for the first time, and keeps the result.
    `in_host_memory`: programs live in the process's own memory, which can be bounded. `processors`: the only ones of
    this machine that its process may run on; any where empty. `machine`: which it is on, where that is another.
    """

    uri: str
    runtime_flags: tuple[str, ...]
    clock: str
    label: str
    compiles_on_load: bool = False
    in_host_memory: bool = False
    processors: tuple[int, ...] = ()
    machine: str = ""

    @property
    def name(self) -> str:
        """What a user calls it, as in cuda://1 or local-sync://0."""
        name = f"{self.uri}://{','.join(map(str, self.processors))}" if self.processors else self.uri
        return f"{name} on {self.machine}" if self.machine else name


class Target(Protocol):
    """A kind of device that IREE compiles for."""

    @property
    def name(self) -> str:
        """The name that users give, as in `--target cpu`."""

    @property
    def device(self) -> Device:
        """Where its programs run: the first of `devices`."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """Equal devices, on each of which candidates can be measured."""

    @property
    def note(self) -> str:
        """What a user should know of how this target was chosen, or ""."""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        """The flags of iree-compile that select this target."""

    @property
    def reads_specs(self) -> bool:
        """Whether plain iree-compile applies a tuning spec that it is given for this target."""

    @property
    def strategy_pass(self) -> str:
        """The pass that gives every unconfigured dispatch IREE's default and verifies all configurations."""

    def limits(self, executable_target: Any) -> Limits:
        """The limits stated by a `#hal.executable.target` attribute."""

    def compilation_info(self, configuration: Configuration, context: Any) -> Any:
        """The configuration as a `#iree_codegen.compilation_info` attribute of `context`."""

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        """What the target writes onto the dispatch's function for the configuration, beside what that names itself."""

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: Any) -> Any:
        """Tiling levels as the target's lowering config, for an op besides the root."""

    def describe(self, executable_target: Any) -> str:
        """The processor and features that a tuning result is tied to, for people."""

    def features(self, executable_target: Any) -> tuple[str, ...]:
        """The processor's features that code is made for, as the compiler names them."""

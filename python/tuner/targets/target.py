# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a target, in three parts: where programs run, how they are compiled, what configures them.

IREE's objects are `Any` here, since this module is imported without the compiler too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tuner.dispatch import Configuration
from tuner.errors import InputError
from tuner.targets.device import Device
from tuner.targets.limits import DeviceFacts

# The sequence of a tuning spec that the compiler runs.
SPEC_ENTRY_POINT = "__kernel_config"
# What keeps iree-compile from hanging while it reads a spec.
NO_THREADS = "--mlir-disable-threading"


def tuning_spec_flags(spec: Path) -> tuple[str, ...]:
    """IREE's flags for a tuning spec.

    Without threads, since 3.13 may hang with them (docs/upstream/iree-compile-hang.md).
    """
    return (f"--iree-codegen-tuning-spec-path={spec}", NO_THREADS)


class Place(Protocol):
    """Where the programs of a target run."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """Equal devices, on each of which candidates can be measured."""

    @property
    def note(self) -> str:
        """What a user should know of how this target was chosen, or ""."""

    @property
    def device(self) -> Device:
        """The first of `devices`."""
        return self.devices[0]

    def by_device_clock(self) -> Target:
        """The same, with dispatches timed by the device's own clock. Raises InputError if it has none."""
        raise InputError(f"--clock device finds no clock to read on {self.device.uri}; leave it out")

    @property
    def machine_code_for(self) -> str:
        """The GPU's chip for which programs become machine code, as its vendor's tools name it; "" for CPUs."""
        return ""


class Compilation(Protocol):
    """How iree-compile makes programs for a target."""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        """The flags of iree-compile that select this target."""

    @property
    def reads_specs(self) -> bool:
        """Whether what plain iree-compile can apply goes into a spec for it; otherwise every entry is late."""

    def spec_flags(self, spec: Path) -> tuple[str, ...]:
        """The flags by which plain iree-compile applies a tuning spec for this target."""

    def for_plain_compilation(self) -> Target:
        """The same, for a run that hands over only what plain iree-compile applies."""

    @property
    def strategy_pass(self) -> str:
        """The pass that gives every unconfigured dispatch IREE's default and verifies all configurations."""

    def facts(self, executable_target: Any) -> DeviceFacts:
        """What a `#hal.executable.target` attribute states of the device."""


class Attributes(Protocol):
    """A configuration as the attributes that a target's code generator reads."""

    def compilation_info(self, configuration: Configuration, context: Any) -> Any:
        """The configuration as a `#iree_codegen.compilation_info` attribute of `context`."""

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: Any) -> Any:
        """Tiling levels as the target's lowering config, for an op besides the root."""

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        """Further attributes of the dispatch's function, beside those that the configuration holds itself."""


class Target(Place, Compilation, Attributes, Protocol):
    """A kind of device that IREE compiles for."""

    @property
    def name(self) -> str:
        """The name that users give, as in `--target cpu`."""

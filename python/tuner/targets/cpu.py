# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host CPU through IREE's llvm-cpu backend."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from tuner import native
from tuner.dispatch import Configuration
from tuner.errors import InputError, ToolError
from tuner.targets.cpu_pipelines import pipeline_attribute
from tuner.targets.device import Device
from tuner.targets.host import processor_name
from tuner.targets.limits import DeviceFacts, Limits
from tuner.targets.target import Place, tuning_spec_flags

# More threads than any machine has processors.
_MOST_THREADS = 1024


@dataclass(frozen=True, slots=True)
class CpuTarget(Place):
    """The CPU of this machine, with a fixed number of threads.

    One thread runs on IREE's `local-sync` device, where the process's own CPU time is the steadiest clock;
    more run on `local-task`. `processors`: for each of its devices the processors that only it uses; none: one
    device, on any free processor.
    """

    threads: int = 1
    processors: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"--threads must be at least 1, not {self.threads}")
        if self.threads > _MOST_THREADS:
            raise InputError(f"--threads must be {_MOST_THREADS} at most, not {self.threads}")

    @property
    def name(self) -> str:
        return "cpu"

    @property
    def devices(self) -> tuple[Device, ...]:
        if self.threads == 1:
            device = Device("local-sync", (), "cpu", "1 thread", in_host_memory=True)
        else:
            flag = f"--task_topology_group_count={self.threads}"
            device = Device("local-task", (flag,), "wall", f"{self.threads} threads", in_host_memory=True)
        return tuple(replace(device, processors=own) for own in self.processors or ((),))

    @property
    def note(self) -> str:
        return ""

    @property
    def compile_flags(self) -> tuple[str, ...]:
        return (
            "--iree-hal-target-device=local",
            "--iree-hal-local-target-device-backends=llvm-cpu",
            "--iree-llvmcpu-target-cpu=host",
        )

    @property
    def reads_specs(self) -> bool:
        return True

    def spec_flags(self, spec: Path) -> tuple[str, ...]:
        return tuning_spec_flags(spec)

    def for_plain_compilation(self) -> CpuTarget:
        return self

    @property
    def strategy_pass(self) -> str:
        return "iree-llvmcpu-select-lowering-strategy"

    def facts(self, executable_target: ir.Attribute) -> DeviceFacts:
        options = _options(executable_target)
        if "native_vector_size" not in options:
            raise ToolError("the compiler did not state the CPU's native vector size; it must target llvm-cpu")
        named = options["cpu_features"].value.split(",")
        features = tuple(sorted({feature for feature in named if feature[:1] == "+"}))
        cpu = options["cpu"].value
        return DeviceFacts(
            Limits(int(options["native_vector_size"].value), self.threads, microkernels=_has_microkernels(options)),
            f"{processor_name()}, {self.device.label}, cpu={cpu} ({len(features)} features)",
            features,
        )

    def compilation_info(self, configuration: Configuration, context: ir.Context) -> iree_codegen.CompilationInfoAttr:
        """As in `Attributes`; an attribute that the compiler itself has printed is parsed."""
        with context:
            if "compilation_info" in configuration.attributes:
                return ir.Attribute.parse(configuration.attributes["compilation_info"])
            pipeline = ir.Attribute.parse(pipeline_attribute(configuration.pipeline))
            options = ir.DictAttr.get({name: ir.UnitAttr.get() for name in configuration.options})
            translation = iree_codegen.TranslationInfoAttr.get(
                pipeline, None, [], 0, options if configuration.options else None
            )
            return iree_codegen.CompilationInfoAttr.get(
                self.lowering_config(configuration.levels, context), translation
            )

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        del configuration
        return {}

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: ir.Context) -> ir.Attribute:
        return native.cpu_lowering_config({name: native.TilingLevel(sizes) for name, sizes in levels.items()}, context)


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> CpuTarget:
    """The host CPU, in parts if devices are named. Raises InputError.

    A device is named by IREE's scheme and its own processors, as in local-sync://0 or local-task://0-3,8.
    """
    if chip:
        raise InputError("the target cpu is this machine's own processor; it takes no chip")
    target = CpuTarget(threads)
    scheme = target.device.uri
    if not devices or devices == (scheme,):
        return target
    processors = tuple(_processors(device, scheme, threads) for device in devices)
    named = [processor for own in processors for processor in own]
    for processor in named:
        if named.count(processor) > 1:
            raise InputError(f"two --device name processor {processor}; give each device processors of its own")
    return CpuTarget(threads, processors)


def _processors(device: str, scheme: str, threads: int) -> tuple[int, ...]:
    """The processors that a device names. Raises InputError if they do not suit this number of threads here."""
    match = re.fullmatch(rf"{scheme}://(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)", device)
    if match is None:
        raise InputError(
            f"'{device}' is no device for --threads {threads}; write {scheme}:// and its processors,"
            f" as in {scheme}://0 or {scheme}://2-3"
        )
    found: set[int] = set()
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    usable = os.sched_getaffinity(0)
    if not found or not found <= usable:
        have = ", ".join(map(str, sorted(usable)))
        raise InputError(f"--device {device} names processors that do not exist here; this process may use {have}")
    if len(found) < threads:
        raise InputError(f"--device {device} has fewer processors than --threads {threads}; name more")
    return tuple(sorted(found))


def _has_microkernels(options: ir.DictAttr) -> bool:
    """Whether data-tiled products call hand-written code.

    Source: IREE, `hasUkernel` in Codegen/Utils/Utils.cpp: unless the flag says otherwise, on x86-64 and AArch64.
    """
    enabled = options["ukernels"].value if "ukernels" in options else "default"
    if enabled == "default":
        return str(options["target_triple"].value).startswith(("x86_64", "aarch64"))
    return enabled == "all" or "mmt4d" in enabled.split(",")


def _options(executable_target: ir.Attribute) -> ir.DictAttr:
    """The options of a `#hal.executable.target<backend, format, {options}>`.

    IREE has no Python accessor for them; MLIR's parser reads the printed dictionary.
    """
    text = str(executable_target)
    with executable_target.context:
        return ir.DictAttr.parse(text[text.index("{") : text.rindex("}") + 1])

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host CPU through IREE's llvm-cpu backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from tuner import native
from tuner.dispatch import Configuration
from tuner.errors import InputError, ToolError
from tuner.host import processor_name
from tuner.targets import Device, Limits


@dataclass(frozen=True, slots=True)
class CpuTarget:
    """The CPU of this machine, with a fixed number of threads.

    One thread runs on IREE's `local-sync` device, where the process's own CPU time is the steadiest clock;
    more run on `local-task`.
    """

    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"--threads must be at least 1, not {self.threads}")

    @property
    def name(self) -> str:
        return "cpu"

    @property
    def device(self) -> Device:
        if self.threads == 1:
            return Device("local-sync", (), "cpu", "1 thread", in_host_memory=True)
        flag = f"--task_topology_group_count={self.threads}"
        return Device("local-task", (flag,), "wall", f"{self.threads} threads", in_host_memory=True)

    @property
    def devices(self) -> tuple[Device, ...]:
        return (self.device,)

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

    @property
    def strategy_pass(self) -> str:
        return "iree-llvmcpu-select-lowering-strategy"

    def limits(self, executable_target: ir.Attribute) -> Limits:
        options = _options(executable_target)
        if "native_vector_size" not in options:
            raise ToolError("the compiler did not state the CPU's native vector size; it must target llvm-cpu")
        return Limits(vector_bytes=int(options["native_vector_size"].value), threads=self.threads)

    def compilation_info(self, configuration: Configuration, context: ir.Context) -> iree_codegen.CompilationInfoAttr:
        with context:
            pipeline = ir.Attribute.parse(f"#iree_cpu.pipeline<{configuration.pipeline}>")
            options = ir.DictAttr.get({name: ir.UnitAttr.get() for name in configuration.options})
            translation = iree_codegen.TranslationInfoAttr.get(
                pipeline, None, [], 0, options if configuration.options else None
            )
            return iree_codegen.CompilationInfoAttr.get(
                self.lowering_config(configuration.levels, context), translation
            )

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: ir.Context) -> ir.Attribute:
        return native.cpu_lowering_config({name: native.TilingLevel(sizes) for name, sizes in levels.items()}, context)

    def describe(self, executable_target: ir.Attribute) -> str:
        cpu, features = _options(executable_target)["cpu"].value, self.features(executable_target)
        return f"{processor_name()}, {self.device.label}, cpu={cpu} ({len(features)} features)"

    def features(self, executable_target: ir.Attribute) -> tuple[str, ...]:
        named = _options(executable_target)["cpu_features"].value.split(",")
        return tuple(sorted({feature for feature in named if feature[:1] == "+"}))


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> CpuTarget:
    """The host CPU. Raises InputError where a chip or a device is named, since it is this machine's."""
    if chip or devices:
        raise InputError("the target cpu is this machine's own processor; it takes no chip and no --device")
    return CpuTarget(threads)


def _options(executable_target: ir.Attribute) -> ir.DictAttr:
    """The options of a `#hal.executable.target<backend, format, {options}>`.

    IREE has no Python accessor for them; MLIR's parser reads the printed dictionary.
    """
    text = str(executable_target)
    with executable_target.context:
        return ir.DictAttr.parse(text[text.index("{") : text.rindex("}") + 1])

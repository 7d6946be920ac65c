# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA GPUs through IREE's CUDA backend: not registered, since `iree-tune run` cannot use it yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from tuner.dispatch import Configuration
from tuner.targets import Device, Limits
from tuner.targets.emitted_configuration import parse_compilation_info


@dataclass(frozen=True, slots=True)
class CudaTarget:
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

    @property
    def strategy_pass(self) -> str:
        return "iree-llvmgpu-select-lowering-strategy"

    def limits(self, executable_target: ir.Attribute) -> Limits:
        del executable_target  # The compiler's own constraints hold the device's limits.
        return Limits(vector_bytes=0, threads=1)

    def compilation_info(self, configuration: Configuration, context: ir.Context) -> iree_codegen.CompilationInfoAttr:
        return parse_compilation_info(configuration, context)

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: ir.Context) -> ir.Attribute:
        del context
        raise ValueError(f"an op besides the root takes no tiling levels on a GPU: {dict(levels)}")

    def describe(self, executable_target: ir.Attribute) -> str:
        del executable_target
        return self.chip

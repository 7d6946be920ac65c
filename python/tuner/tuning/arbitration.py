# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which of two compilations of a model is right if their outputs differ: the one that the host CPU agrees with.

Outputs are compared with the plain model's. The compiler's default can itself be wrong: what IREE 3.13 computes for
torchvision's ResNet-18 in f16 on an H200 is up to 2.6 off, in outputs of up to 6; with channels last it is 0.006. Every
right choice would be refused then.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tuner.errors import MeasurementError, ToolError
from tuner.measuring import FunctionProgram, Runner
from tuner.targets.cpu import CpuTarget
from tuner.tuning.whole_model import MODEL_SEED, PlainModel

LONGEST_S = 60.0
"""Seconds that the host CPU may take to compile the model, and to run it."""
_CPU, _JUDGED = "model on the host CPU", "model that is judged"
# The device of the host CPU, on all of its processors.
_CPU_DEVICE = "local-task"


def fault_of(plain: PlainModel, other: FunctionProgram, runner: Runner, folder: Path, limit_s: float) -> str:
    """How the plain model differs from the same model on the host CPU, if `other` agrees with that; "" otherwise.

    "" too if the model does not compile for the host CPU or does not run there, each within `limit_s` seconds. Files go
    to `folder`. Afterwards the runner's reference is the host CPU's.
    """
    binary = folder / "model-on-cpu.vmfb"
    on_cpu = FunctionProgram(binary, plain.program.function, device=_CPU_DEVICE)
    try:
        model = replace(plain.model, flags=CpuTarget().compile_flags)
        if model.compile(binary, timeout_s=limit_s).exit_code != 0:
            return ""
        runner.load(_CPU, on_cpu)
        runner.reference(_CPU, MODEL_SEED, timeout_s=limit_s)
        runner.unload(_CPU)
        faults = [_fault(plain, program, runner) for program in (plain.program, other)]
    except (MeasurementError, ToolError):
        return ""
    return faults[0] if not faults[1] else ""


def _fault(plain: PlainModel, program: FunctionProgram, runner: Runner) -> str:
    """How the outputs of a program differ from the reference; "" if they agree."""
    runner.load(_JUDGED, program)
    verification, _ = runner.check(_JUDGED, MODEL_SEED, plain.tolerances, timeout_s=plain.timeout_s)
    runner.unload(_JUDGED)
    return "" if verification.passed else verification.detail

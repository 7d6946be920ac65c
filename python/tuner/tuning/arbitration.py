# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which of two compilations of a model is right if their outputs differ: the one that the host CPU agrees with.

Outputs are compared with the plain model's. The compiler's default can itself be wrong: what IREE 3.13 computes for
torchvision's ResNet-18 in f16 on an H200 is up to 2.6 off, in outputs of up to 6; with channels last it is 0.006. Every
right choice would be refused then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tuner.errors import MeasurementError, ToolError
from tuner.measuring import FunctionProgram, Runner
from tuner.targets.cpu import CpuTarget
from tuner.tuning.whole_model import MODEL_SEED, PlainModel, again_if_killed

LONGEST_S = 60.0
"""Seconds that the host CPU may take to compile the model, and to run it."""
_CPU, _JUDGED = "model on the host CPU", "model that is judged"
# The device of the host CPU, on all of its processors.
_CPU_DEVICE = "local-task"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the host CPU says of the plain model and another compilation of it.

    `fault`: how the plain model differs from the host CPU, if the other agrees with it; "" otherwise. `reason`: why the
    plain model stays what others are compared with; "" if it does not. `is_certain`: whether all three ran.
    """

    fault: str = ""
    reason: str = ""
    is_certain: bool = True


def judge(plain: PlainModel, other: FunctionProgram, runner: Runner, folder: Path, limit_s: float) -> Judgement:
    """Compares both with the same model on the host CPU.

    The host CPU has `limit_s` seconds to compile the model, and as many to run it. Files go to `folder`. Afterwards the
    runner's reference is the host CPU's, or none.
    """
    binary = folder / "model-on-cpu.vmfb"
    model = replace(plain.model, flags=CpuTarget().compile_flags)
    try:
        compiled = model.compile(binary, timeout_s=limit_s)
    except ToolError as error:
        return _uncertain(f"the model does not compile for the host CPU: {error}")
    if compiled.exit_code != 0:
        return _uncertain(f"the model does not compile for the host CPU: {compiled.first_error}")
    on_cpu = FunctionProgram(binary, plain.program.function, device=_CPU_DEVICE)

    def faults() -> list[str]:
        runner.load(_CPU, on_cpu)
        runner.reference(_CPU, MODEL_SEED, timeout_s=limit_s)
        runner.unload(_CPU)
        return [_fault(plain, program, runner) for program in (plain.program, other)]

    try:
        fault_of_plain, fault_of_other = again_if_killed(faults)
    except MeasurementError as error:
        return _uncertain(f"the model does not run beside the host CPU's: {error}")
    if not fault_of_plain:
        return Judgement(reason="the host CPU agrees with the plain model")
    if fault_of_other:
        return Judgement(reason=f"the host CPU agrees with none of them: {fault_of_other}")
    return Judgement(fault=fault_of_plain)


def _uncertain(reason: str) -> Judgement:
    return Judgement(reason=reason, is_certain=False)


def _fault(plain: PlainModel, program: FunctionProgram, runner: Runner) -> str:
    """How the outputs of a program differ from the reference; "" if they agree."""
    runner.load(_JUDGED, program)
    verification, _ = runner.check(_JUDGED, MODEL_SEED, plain.tolerances, timeout_s=plain.timeout_s)
    runner.unload(_JUDGED)
    return "" if verification.passed else verification.detail

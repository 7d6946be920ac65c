# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the command that a run prints, as it prints it, and compares its binary with the one that was proved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tuner.errors import MeasurementError, ToolError
from tuner.evaluate.budget import Budget
from tuner.measuring import Runner
from tuner.targets import Device
from tuner.toolchain.tools import run_command, tool_path
from tuner.tuning.comparison import compare_models
from tuner.tuning.whole_model import PlainModel

SAME_BINARY = "it makes the binary that was proved, byte for byte"


def check_command(
    command: Sequence[str], proved: Path, plain: PlainModel, device: Device, timeout_s: float, budget: Budget
) -> str:
    """How the command was shown to make what was proved. Raises ToolError if it does not.

    `proved`: the binary that was run against the `plain` model. If the command makes another one, that is run too:
    the compiler keeps the names of files, so a model that is imported in another folder differs.
    """
    binary = proved.with_name("model-printed.vmfb")
    binary.unlink(missing_ok=True)
    _run(command, binary, timeout_s)
    if binary.read_bytes() == proved.read_bytes():
        binary.unlink()
        return SAME_BINARY
    try:
        with Runner(device) as runner:
            compared = compare_models(plain, plain.program, binary, runner, np.random.default_rng(0), budget)
    except MeasurementError as error:
        raise ToolError(f"the command that uses the result makes another binary, which fails: {error}") from error
    return f"it makes another binary, which was measured too: {compared.ratio} over the untuned model"


def _run(command: Sequence[str], binary: Path, timeout_s: float) -> None:
    """Runs the command with `binary` as its output. Raises ToolError if it fails."""
    place = command.index("-o") + 1
    arguments = [*command[1:place], str(binary), *command[place + 1 :]]
    program = (str(tool_path(command[0])),) if command[0] == "iree-compile" else (sys.executable, "-m", "tuner")
    result = run_command([*program, *arguments], timeout_s=timeout_s, scratch=binary.parent)
    if result.exit_code != 0:
        raise ToolError(f"the command that uses the result fails: {result.first_error}")

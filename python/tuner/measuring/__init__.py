# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs, checks and times programs in a process of their own. Imports no IREE compiler."""

from tuner.measuring.correctness import Tolerance, Verification, compare
from tuner.measuring.programs import DispatchProgram, FunctionProgram, ProgramSource
from tuner.measuring.runner import Runner
from tuner.measuring.transport import ProgramCrashedError, ProgramKilledError, ProgramTimedOutError, Transport

__all__ = [
    "DispatchProgram",
    "FunctionProgram",
    "ProgramCrashedError",
    "ProgramKilledError",
    "ProgramSource",
    "ProgramTimedOutError",
    "Runner",
    "Tolerance",
    "Transport",
    "Verification",
    "compare",
]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes functions that are no MLIR: a space, a function that builds, a function that runs. No compiler is involved."""

from tuner.callables.functions import Build, Check, Functions, Inputs, Run, Timer
from tuner.callables.result import CallableResult

__all__ = ["Build", "CallableResult", "Check", "Functions", "Inputs", "Run", "Timer"]

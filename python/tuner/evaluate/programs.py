# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled dispatch as a program that a runner can load."""

from __future__ import annotations

from pathlib import Path

from tuner.dispatch import BenchmarkProgram
from tuner.measuring import DispatchProgram


def runnable(program: BenchmarkProgram, binary: Path, *, positive: bool = False) -> DispatchProgram:
    """A compilation of the program, for a runner to load; `positive`: run on positive data."""
    return DispatchProgram(
        binary,
        program.entry,
        program.buffer_setter,
        program.buffer_bytes,
        program.regions,
        program.arithmetic,
        positive,
    )

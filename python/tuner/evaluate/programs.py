# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is made in several ways that are compared, each of which a runner can load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tuner.dispatch import Arithmetic, BenchmarkProgram
from tuner.errors import MeasurementError
from tuner.measuring import DispatchProgram, ProgramSource
from tuner.outcome import Compilation


class Subject(Protocol):
    """What candidates are candidates of: a dispatch, or a function of the user's."""

    @property
    def arithmetic(self) -> Arithmetic:
        """What rounding can do to its outputs."""

    @property
    def buffer_bytes(self) -> int:
        """The size of its data, about."""

    def source(self, compilation: Compilation, *, positive: bool) -> ProgramSource:
        """A candidate, for a runner to load; `positive`: run on positive data.

        Raises MeasurementError if there is nothing to load.
        """


@dataclass(frozen=True, slots=True)
class CompiledDispatch:
    """A dispatch as a subject: its candidates are binaries."""

    program: BenchmarkProgram

    @property
    def arithmetic(self) -> Arithmetic:
        return self.program.arithmetic

    @property
    def buffer_bytes(self) -> int:
        return self.program.buffer_bytes

    def source(self, compilation: Compilation, *, positive: bool) -> ProgramSource:
        if compilation.binary is None:
            raise MeasurementError(f"it has no binary: {compilation.detail}")
        return runnable(self.program, compilation.binary, positive=positive)


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

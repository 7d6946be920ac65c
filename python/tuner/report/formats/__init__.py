# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The formats that a run is reported in.

A format is one file, registered as an entry point of the group `tuner.formats`. Its name is that of its option.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tuner.report.recorded_run import RecordedRun

__all__ = ["ComparingFormat", "File", "Format"]


@dataclass(frozen=True, slots=True)
class File:
    """A file of a report. `text` makes its content, and is called once every file of the report can be written."""

    path: Path
    text: Callable[[], str]


class Format(Protocol):
    """Says which files report a run, and what is in them."""

    @property
    def help(self) -> str:
        """What `iree-tune report --help` prints beside the format's option."""

    def files(self, run: RecordedRun, path: Path) -> Sequence[File]:
        """The files that report a run: one at `path`, or any number directly in a folder there. Writes nothing."""


@runtime_checkable
class ComparingFormat(Format, Protocol):
    """A format that can report two runs beside one another as well."""

    def compare(self, first: RecordedRun, second: RecordedRun, path: Path) -> Sequence[File]:
        """The files that compare two runs: one at `path`, or any number directly in a folder there. Writes nothing."""

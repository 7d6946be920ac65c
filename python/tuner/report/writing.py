# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the report of a run. A reader never sees half a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tuner import plugins
from tuner.errors import InputError
from tuner.files import check_writable, write_atomically
from tuner.report.formats import File, Format
from tuner.report.recorded_run import read_run
from tuner.runs.names import check_not_of_a_run


def write_report(folder: Path, wanted: Mapping[str, Path]) -> list[Path]:
    """Writes the report of the run in `folder`. `wanted` maps names of formats to where they go. Returns the files.

    Raises InputError before any file is written.
    """
    run = read_run(folder)
    files: list[File] = []
    for name, path in wanted.items():
        chosen: Format = plugins.load("tuner.formats", name)
        written = chosen.files(run, path)
        if all(file.path != path for file in written):
            _make(path, option=f"--{name}")
        files += written
    paths = [file.path for file in files]
    for number, path in enumerate(paths):
        _check(path, folder, paths[:number])
    for file in files:
        write_atomically(file.path, file.text())
    return paths


def _make(folder: Path, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; choose another {option}") from error


def _check(path: Path, folder: Path, others: Iterable[Path]) -> None:
    check_not_of_a_run(path, folder, option="file")
    check_writable(path, kept=dict.fromkeys(others, "where another part of the report goes"), option="file")

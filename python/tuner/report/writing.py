# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the report of a run, or of two. A reader never sees half a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tuner import plugins
from tuner.errors import InputError
from tuner.files import check_writable, write_atomically
from tuner.report.formats import ComparingFormat, File, Format
from tuner.report.recorded_run import read_run
from tuner.runs.names import check_not_of_a_run


def write_report(folder: Path, wanted: Mapping[str, Path]) -> list[Path]:
    """Writes the report of the run in `folder`. `wanted` maps names of formats to where they go. Returns the files.

    Raises InputError before any file is written.
    """
    run = read_run(folder)
    formats: dict[str, Format] = {name: plugins.load("tuner.formats", name) for name in wanted}
    made = {name: formats[name].files(run, path) for name, path in wanted.items()}
    return _write(made, wanted, (folder,))


def write_comparison(first: Path, second: Path, wanted: Mapping[str, Path]) -> list[Path]:
    """As `write_report`, of two runs. Raises InputError for a format that cannot compare as well."""
    runs = read_run(first), read_run(second)
    for path, run in zip((first, second), runs, strict=True):
        if not run.has_ended:
            raise InputError(f"{path} holds a run that has not ended; compare it when it has")
    made: dict[str, Sequence[File]] = {}
    for name, path in wanted.items():
        chosen: Format = plugins.load("tuner.formats", name)
        if not isinstance(chosen, ComparingFormat):
            raise InputError(f"--{name} reports one run, not two; leave out one of them, or --{name}")
        made[name] = chosen.compare(*runs, path)
    return _write(made, wanted, (first, second))


def _write(made: Mapping[str, Sequence[File]], wanted: Mapping[str, Path], folders: Sequence[Path]) -> list[Path]:
    """Writes files once all of them can be written. `folders` are those of the runs, whose own files are kept."""
    for name, path in wanted.items():
        if all(file.path != path for file in made[name]):
            _make(path, option=f"--{name}")
    files = [file for of_format in made.values() for file in of_format]
    paths = [file.path for file in files]
    for number, path in enumerate(paths):
        for folder in folders:
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

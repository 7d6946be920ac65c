# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the report of a run into files, each in one step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.files import check_writable, write_atomically
from tuner.report.exports import json_report, t4_metadata, t4_results
from tuner.report.page import html_report
from tuner.report.recorded_run import RecordedDispatch, read_run
from tuner.runs.names import check_not_of_a_run


def write_report(folder: Path, page: Path | None, json_path: Path | None, t4_folder: Path | None) -> list[Path]:
    """Writes what is asked for and returns the files. Raises InputError, before anything is written."""
    run = read_run(folder)
    parts: list[tuple[Path, Callable[[], str]]] = []
    if page is not None:
        parts.append((page, lambda: html_report(run)))
    if json_path is not None:
        parts.append((json_path, lambda: _text(json_report(run))))
    if t4_folder is not None:
        _make(t4_folder)
        parts.append((t4_folder / "metadata.json", lambda: _text(t4_metadata(run))))
        for each in run.dispatches:
            if each.tried:
                name = re.sub(r"[^\w.-]", "_", each.name)
                parts.append((t4_folder / f"{name}.json", partial(_t4_text, each)))
    paths = [path for path, _ in parts]
    for number, path in enumerate(paths):
        _check(path, folder, paths[:number])
    for path, text in parts:
        write_atomically(path, text())
    return paths


def _make(t4_folder: Path) -> None:
    try:
        t4_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {t4_folder}: {error.strerror}; choose another --t4") from error


def _check(path: Path, folder: Path, others: Iterable[Path]) -> None:
    check_not_of_a_run(path, folder, option="file")
    check_writable(path, kept=dict.fromkeys(others, "where another part of the report goes"), option="file")


def _t4_text(dispatch: RecordedDispatch) -> str:
    return _text(t4_results(dispatch))


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the report of a run into files, each in one step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.report.exports import json_report, t4_metadata, t4_results
from tuner.report.page import html_report
from tuner.run_reading import RecordedDispatch, read_run
from tuner.spec import check_writable, write_atomically

_OF_A_RUN = ("log.jsonl", "result.json", "command.json", "spec.mlir", "spec.late.mlir")


def write_report(folder: Path, page: Path | None, json_path: Path | None, t4_folder: Path | None) -> list[Path]:
    """Writes what is asked for and returns the files. Raises InputError, before anything is written."""
    run = read_run(folder)
    writers: dict[Path, Callable[[], str]] = {}
    if page is not None:
        writers[page] = lambda: html_report(run)
    if json_path is not None:
        writers[json_path] = lambda: _text(json_report(run))
    if t4_folder is not None:
        _make(t4_folder)
        writers[t4_folder / "metadata.json"] = lambda: _text(t4_metadata(run))
        for each in run.dispatches:
            if each.tried:
                name = re.sub(r"[^\w.-]", "_", each.name)
                writers[t4_folder / f"{name}.json"] = partial(_t4_text, each)
    for path in writers:
        _check(path, folder)
    for path, text in writers.items():
        write_atomically(path, text())
    return list(writers)


def _make(t4_folder: Path) -> None:
    try:
        t4_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {t4_folder}: {error.strerror}; choose another --t4") from error


def _check(path: Path, folder: Path) -> None:
    if path.name in _OF_A_RUN and path.parent.resolve() == folder.resolve():
        raise InputError(f"{path} belongs to the run itself; choose another file")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    check_writable(path, never=folder / _OF_A_RUN[0])


def _t4_text(dispatch: RecordedDispatch) -> str:
    return _text(t4_results(dispatch))


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"

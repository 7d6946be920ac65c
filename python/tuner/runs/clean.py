# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Removes what runs wrote, and nothing else that lies in their folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuner.errors import InputError
from tuner.runs.folder import RunFolder
from tuner.runs.names import Found, look_into
from tuner.runs.record import RunRecord

# Kept files that a line names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Cleaning:
    """The bytes that are removed from a folder, or would be.

    `kept` are the files that no run writes. `began`: when the run was started, UTC, as in its record.
    """

    folder: Path
    removed_bytes: int
    kept: tuple[Path, ...]
    began: str = ""

    def is_older(self, seconds: float) -> bool:
        """Whether the run was started more than so long ago; False if that is not known."""
        try:
            began = datetime.fromisoformat(self.began)
        except ValueError:
            return False
        return began.tzinfo is not None and datetime.now(UTC) - began > timedelta(seconds=seconds)

    def line(self, done: str) -> str:
        """The removal as a line; `done` is what happens to the files, as in "removed"."""
        line = f"{self.folder}: {size(self.removed_bytes)} {done}"
        if self.kept:
            names = [str(path.relative_to(self.folder)) for path in self.kept[:_NAMED]]
            more = [f"{len(self.kept) - _NAMED} more"] if len(self.kept) > _NAMED else []
            line += f"; kept, as no run's: {', '.join([*names, *more])}"
        return line


def size(count: int) -> str:
    """A number of bytes for people: in MB, or in kB if it is less than one."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def old(found: Sequence[Cleaning], *, keep_last: int = 0, older_than_s: float = 0.0) -> list[Cleaning]:
    """The runs that are not among the latest `keep_last` and were started more than `older_than_s` seconds ago.

    With `older_than_s` a run whose record has no valid time of its start is not old.
    """
    latest = sorted(found, key=lambda run: run.began, reverse=True)[:keep_last]
    return [run for run in found if run not in latest and (not older_than_s or run.is_older(older_than_s))]


def look(folder: Path) -> Cleaning:
    """What `clean` would do. Raises InputError if it is no folder of a run, or if a process works in it."""
    _check(folder)
    # Without a lock no process works in it. Looking must not create one.
    if RunFolder(folder).lock.exists():
        with RunFolder(folder).held():
            return _cleaning_of(folder, look_into(folder, RunFolder(folder).model))
    return _cleaning_of(folder, look_into(folder, RunFolder(folder).model))


def clean(folder: Path) -> Cleaning:
    """Removes what a run wrote, and the folder if nothing else is in it. Raises InputError as `look`."""
    _check(folder)
    run = RunFolder(folder)
    with run.held():
        found = look_into(folder, RunFolder(folder).model)
        cleaning = _cleaning_of(folder, found)
        # The files that mark the folder as a run's go last, so that an interrupted removal can be repeated.
        last = {run.command: 1, run.lock: 2}
        try:
            for path in sorted(found.files, key=lambda path: last.get(path, 0)):
                path.unlink()
            for path in found.folders:
                with suppress(OSError):  # of those with other files in them
                    path.rmdir()
            if not any(folder.iterdir()):
                folder.absolute().rmdir()
        except OSError as error:
            raise InputError(
                f"{error.filename or folder} cannot be removed: {os.strerror(error.errno or 0)}; check its permissions"
            ) from error
    return cleaning


def _check(folder: Path) -> None:
    if folder.is_symlink():
        raise InputError(f"{folder} is a link; name the folder that it leads to")
    if not RunFolder(folder).command.is_file():
        raise InputError(f"{folder} is no folder of a run; nothing was removed")
    RunRecord.read(RunFolder(folder).command)


def _cleaning_of(folder: Path, found: Found) -> Cleaning:
    began = RunFolder(folder).began
    return Cleaning(folder, sum(path.lstat().st_size for path in found.files), found.others, began)

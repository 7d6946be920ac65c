# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The folder of a run: its log (one JSON object a line, written as each thing ends), binaries and IR."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.store import now

# Where runs leave their folders, unless told otherwise.
RUNS = Path(".iree-tuner")
# How names of folders begin that are removed when their maker ends, or when the run is resumed that was killed.
TEMPORARY = "iree-tuner-"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that belongs to one run alone."""

    path: Path

    @staticmethod
    def create(path: Path | None, *, resume: bool = False) -> RunFolder:
        """Makes `path`, or a new folder under `.iree-tuner`. With `resume`, takes the folder of a run that was cut off.

        Raises InputError where that is impossible, and without `resume` where it holds another run's log: nothing of a
        user's is overwritten.
        """
        if resume:
            return RunFolder._resumed(path)
        try:
            if path is None:
                RUNS.mkdir(exist_ok=True)
                stamp = time.strftime("%Y%m%d-%H%M%S-")
                folder = RunFolder(Path(tempfile.mkdtemp(prefix=stamp, dir=RUNS)).absolute())
                folder._record_command()
                return folder
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            where = path or RUNS.absolute()
            raise InputError(
                f"cannot make the run's folder {where}: {error.strerror}; choose another --run-dir"
            ) from error
        folder = RunFolder(path.absolute())
        if folder.log.exists():
            raise InputError(f"{path} already holds a run; choose another --run-dir")
        if not os.access(path, os.W_OK):
            raise InputError(f"cannot write into {path}; choose another --run-dir")
        try:
            folder._record_command()
        except OSError as error:
            raise InputError(f"cannot write into {path}: {error.strerror}; choose another --run-dir") from error
        return folder

    @staticmethod
    def _resumed(path: Path | None) -> RunFolder:
        """The run begins anew and finds what it did in its store; so the log is written anew too."""
        if path is None:
            raise InputError("--resume needs the folder of the run to go on with; name it by --run-dir")
        folder = RunFolder(path.absolute())
        # The store may be shared, or the run have ended before it had one.
        if not (folder.store.exists() or folder.command.exists()):
            raise InputError(f"{path} holds no run to resume; check --run-dir")
        try:
            for left in list(folder.path.rglob(f"{TEMPORARY}*")):
                shutil.rmtree(left)
            folder.log.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot write into {path}: {error.strerror}; check its permissions") from error
        return folder

    @property
    def store(self) -> Path:
        """Where the run keeps its evaluations, unless another place was named."""
        return self.path / "store.sqlite"

    @property
    def log(self) -> Path:
        """The log: every candidate with its configuration and fate."""
        return self.path / "log.jsonl"

    @property
    def spec(self) -> Path:
        """The spec, as proved so far."""
        return self.path / "spec.mlir"

    @property
    def unproved(self) -> Path:
        """The winners of a run that ended before it could prove them on the whole model."""
        return self.path / "spec.unproved.mlir"

    @property
    def command(self) -> Path:
        """What started the run, and where: for whoever wants to repeat it."""
        return self.path / "command.json"

    @property
    def began(self) -> str:
        """When the run began, also where it was resumed since: UTC, as a store has it. "" where it was not recorded."""
        try:
            return str(json.loads(self.command.read_text())["began"])
        except (OSError, ValueError, KeyError):
            return ""

    def _record_command(self) -> None:
        program = Path(sys.argv[0]).name
        # As `python -m tuner` has it.
        words = ["iree-tune" if program == "__main__.py" else program, *sys.argv[1:]]
        unfinished = self.command.with_suffix(".unfinished")
        record = {"command": words, "folder": str(Path.cwd()), "began": now()}
        unfinished.write_text(json.dumps(record) + "\n")
        unfinished.replace(self.command)

    def append(self, record: dict[str, Any]) -> None:
        """Adds one line to the log; a crash loses at most the line being written. Raises OSError on a full disk."""
        try:
            with self.log.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            error.filename = str(self.log)
            raise


def remove_run(path: Path) -> int:
    """Removes the folder of a run and says how many bytes that frees. Raises InputError for any other folder."""
    if not RunFolder(path).command.is_file():
        raise InputError(f"{path} is no folder of a run; nothing was removed")
    files = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    freed = sum(file.stat().st_size for file in files)
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise InputError(f"{path} cannot be removed: {error.strerror}; check its permissions") from error
    return freed

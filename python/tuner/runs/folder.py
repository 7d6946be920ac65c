# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The folder of a run: its log (one JSON object a line, written as each thing ends), binaries and IR."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from tuner.errors import InputError
from tuner.files import TEMPORARY, write_atomically
from tuner.runs.names import others_in, temporary_folders
from tuner.runs.record import RunRecord

# The folder of runs without a --run-dir.
RUNS = Path(".iree-tuner")
# Files that a message names if there should be none.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that belongs to one run alone."""

    path: Path

    @staticmethod
    @contextmanager
    def create(
        path: Path | None, model: Path, asked: Mapping[str, str] | None = None, *, resume: bool = False
    ) -> Iterator[RunFolder]:
        """Makes `path`, or a new folder under `.iree-tuner`, and locks it against other processes.

        `asked` are the settings of a run of `model` that can be resumed; None for other commands. With `resume` the
        folder of an interrupted run is taken. Raises InputError if that is impossible, and without `resume` for a
        folder with other files in it or another run's log: no file of a user is overwritten.
        """
        folder = RunFolder._of_a_run(path) if resume else RunFolder._made(path)
        with folder.held():
            try:
                if resume:
                    folder._take_up(model, asked or {})
                else:
                    RunRecord.of_this_process(model, asked).write(folder.command)
            except OSError as error:
                raise _unwritable(path or folder.path, error) from error
            yield folder

    @staticmethod
    @contextmanager
    def temporary() -> Iterator[RunFolder]:
        """A folder of the system's for temporary files, removed in the end: for commands that keep nothing."""
        with tempfile.TemporaryDirectory(prefix=TEMPORARY) as name:
            yield RunFolder(Path(name))

    @staticmethod
    def _new() -> RunFolder:
        try:
            RUNS.mkdir(exist_ok=True)
            stamp = time.strftime("%Y%m%d-%H%M%S-")
            return RunFolder(Path(tempfile.mkdtemp(prefix=stamp, dir=RUNS)).absolute())
        except OSError as error:
            raise InputError(f"cannot make the run's folder in {RUNS}: {error.strerror}; choose a --run-dir") from error

    @staticmethod
    def _made(path: Path | None) -> RunFolder:
        if path is None:
            return RunFolder._new()
        try:
            path.mkdir(parents=True, exist_ok=True)
            folder = RunFolder(path.absolute())
        except OSError as error:
            raise InputError(
                f"cannot make the run's folder {path}: {error.strerror}; choose another --run-dir"
            ) from error
        if folder.log.exists():
            raise InputError(f"{path} already holds a run; choose another --run-dir, or continue it by --resume")
        if not os.access(path, os.W_OK):
            raise InputError(f"cannot write into {path}; choose another --run-dir")
        others = ", ".join(path.name for path in others_in(folder.path, folder.model, _NAMED))
        if others:
            raise InputError(f"{path} holds files that are no run's ({others}); choose another --run-dir")
        return folder

    @staticmethod
    def _of_a_run(path: Path | None) -> RunFolder:
        if path is None:
            raise InputError("--resume needs the folder of the run to go on with; name it by --run-dir")
        if not RunFolder(path).command.is_file():
            raise InputError(f"{path} holds no run to resume; check --run-dir")
        if not os.access(path, os.W_OK):
            raise InputError(f"cannot write into {path}; check its permissions")
        return RunFolder(path.absolute())

    def _take_up(self, model: Path, asked: Mapping[str, str]) -> None:
        """Prepares an interrupted run to be continued: its results are in the store, so the log starts anew."""
        RunRecord.read(self.command).check_resumable(self.path, model, asked)
        for left in temporary_folders(self.path):
            shutil.rmtree(left)
        self.log.unlink(missing_ok=True)
        if self.result.exists():
            self.result.replace(self.earlier_result)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes out of the folder. Raises InputError if one works in it."""
        try:
            handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _unwritable(self.lock, error) from error
        with os.fdopen(handle) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(f"another process works in {self.path}; let it end first") from error
            except OSError as error:
                raise InputError(
                    f"{self.lock} cannot be locked: {error.strerror}; choose a folder on another disk"
                ) from error
            if os.fstat(file.fileno()).st_nlink == 0:
                raise InputError(f"another process removes {self.path}; start again")
            yield

    @property
    def store(self) -> Path:
        """The file that keeps the results of candidates, unless the user names another."""
        return self.path / "store.sqlite"

    @property
    def log(self) -> Path:
        """The log: every candidate with its configuration and fate."""
        return self.path / "log.jsonl"

    @property
    def result(self) -> Path:
        """The result of a run that has ended."""
        return self.path / "result.json"

    @property
    def earlier_result(self) -> Path:
        """The result that a run had before it was resumed."""
        return self.path / "result.before.json"

    @property
    def overtaken(self) -> Path:
        """The log of dispatches that others took the place of, since other flags were faster with tuned dispatches."""
        return self.path / "overtaken.jsonl"

    @property
    def spec(self) -> Path:
        """The spec, as far as it is proved."""
        return self.path / "spec.mlir"

    @property
    def unproved(self) -> Path:
        """The winners of a run that ended before it could prove them on the whole model."""
        return self.path / "spec.unproved.mlir"

    @property
    def command(self) -> Path:
        """The command that started the run, with its working folder, to repeat it."""
        return self.path / "command.json"

    @property
    def lock(self) -> Path:
        """The file that a process locks while it works in the folder."""
        return self.path / "run.lock"

    @property
    def model(self) -> Path | None:
        """The run's model, if there is a record that names it."""
        try:
            name = RunRecord.read(self.command).model
        except InputError:
            return None
        return Path(name) if name else None

    @property
    def began(self) -> str:
        """When the run was started, also if it was resumed since: UTC, as in a store."""
        return RunRecord.read(self.command).began

    def append(self, record: dict[str, Any]) -> None:
        """Adds one line to the log. A crash loses at most this line. Raises OSError on a full disk."""
        try:
            with self.log.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            error.filename = str(self.log)
            raise


@dataclass(frozen=True, slots=True)
class Aside(RunFolder):
    """A folder in that of a run, for dispatches that may take the place of the run's.

    Until they do, their records wait in `waiting`; then they reach the log of `run`.
    """

    run: RunFolder
    waiting: list[dict[str, Any]] = field(default_factory=list)
    has_taken_over: Event = field(default_factory=Event)

    @staticmethod
    def of(run: RunFolder, name: str) -> Aside:
        """Makes the folder, unless an interrupted run left it."""
        path = run.path / name
        path.mkdir(exist_ok=True)
        return Aside(path, run)

    @property
    def began(self) -> str:
        """When the run was started."""
        return self.run.began

    def take_over(self) -> None:
        """Writes the records that wait into the run's log. Those of the run's own dispatches go to another file."""
        lines = self.run.log.read_text().splitlines(keepends=True) if self.run.log.exists() else []
        theirs = [line for line in lines if json.loads(line).get("dispatch")]
        write_atomically(self.run.overtaken, "".join(theirs))
        moved = set(theirs)
        kept = [line for line in lines if line not in moved]
        write_atomically(self.run.log, "".join([*kept, *(json.dumps(record) + "\n" for record in self.waiting)]))
        self.has_taken_over.set()

    def append(self, record: dict[str, Any]) -> None:
        """As `RunFolder.append`, at once if these dispatches have taken over."""
        if self.has_taken_over.is_set():
            self.run.append(record)
        else:
            self.waiting.append(record)


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot write into {path}: {error.strerror}; choose another --run-dir or make room")

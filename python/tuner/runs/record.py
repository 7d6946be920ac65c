# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The record of a run in its folder: the command that repeats it, and the settings that a resumed run must share."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import plugins
from tuner.errors import InputError
from tuner.files import write_atomically
from tuner.jsonable import from_plain, to_plain
from tuner.runs.store import now

if TYPE_CHECKING:
    from tuner.options import Options

_VERSION = 2
_MODEL = "MODEL"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The record of a run.

    `command`: the words of the command. `folder`: the working folder. `began`: when it was started, UTC, as in a store.
    `model`: the model's file. `asked`: the settings that decide which candidates are tried and how they are measured,
    by the names of options, and the model's digest; None if the run cannot be resumed, as a check cannot. `version`:
    of this form; 0 for earlier forms, which had no such number.
    """

    command: tuple[str, ...]
    folder: str
    began: str
    model: str = ""
    asked: Mapping[str, str] | None = None
    version: int = _VERSION

    @staticmethod
    def of_this_process(model: Path, asked: Mapping[str, str] | None) -> RunRecord:
        """The record of a run that starts now. Raises OSError if the working folder is gone."""
        program = Path(sys.argv[0]).name
        # The name of the program in `python -m tuner`.
        words = ("iree-tune" if program == "__main__.py" else program, *sys.argv[1:])
        return RunRecord(words, str(Path.cwd()), now(), str(model), asked)

    @staticmethod
    def read(path: Path) -> RunRecord:
        """Reads any version, if its fields are these. Raises InputError if the file is no record."""
        try:
            data = json.loads(path.read_text())
            earlier = {"model": "", "asked": None, "version": 0}
            return from_plain(RunRecord, {**earlier, **data} if isinstance(data, dict) else data)
        except FileNotFoundError as error:
            raise InputError(f"{path} is missing: its folder is no run's") from error
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path} is not what a run of this version writes ({error}); name the folder of a run"
            ) from error

    def write(self, path: Path) -> None:
        """Puts the record at `path` in one step. Raises OSError."""
        write_atomically(path, json.dumps(to_plain(self)) + "\n")

    def check_resumable(self, folder: Path, model: Path, asked: Mapping[str, str]) -> None:
        """Raises InputError unless a run with these settings can continue the recorded one in `folder`."""
        if self.version != _VERSION:
            raise InputError(
                f"{folder} was written by another version of iree-tuner; start a new run in another folder"
            )
        if self.asked is None:
            raise InputError(f"{folder} holds no tuning run, which alone can be resumed; check --run-dir")
        for option, value in asked.items():
            then = self.asked.get(option, "")
            if then == value:
                continue
            if option == _MODEL:
                differing = f"other content of its model {self.model}, by its digest, than {model} has"
            else:
                differing = f"{option} {then or 'left out'}, not {value or 'left out'}"
            raise InputError(
                f"{folder} holds a run with {differing}; give what it was started with, or choose another --run-dir"
            )


def asked_of(model: Path, options: Options) -> dict[str, str]:
    """The settings that decide which candidates a run tries and how it measures them.

    Its length, and the places that it writes to, may change when it is resumed.
    """
    asked: dict[str, Any] = {
        "--target": options.target,
        "--threads": options.threads,
        "--device": options.devices,
        "--clock": None if options.clock == "host" else options.clock,
        "--ray": options.ray,
        "--dim": options.shapes.dims,
        "--input": options.shapes.inputs,
        "--function": options.function,
        "--dispatch": options.dispatches,
        "--strategy": plugins.name_of(options.strategy),
        "--space": tuple(map(plugins.name_of, options.spaces)),
        "--fix": options.fixes,
        "--start-from": tuple(map(str, options.start_from)),
        "--records": None if options.records is None else tuple(map(str, options.records)),
        "--seed": options.seed,
        "--min-gain": options.min_gain,
        "--plain": options.plain,
        "--keep-flags": options.keep_flags,
        "--allocator": options.allocator,
        "--pin": options.pins,
        "flags of iree-compile": options.flags,
    }
    return {_MODEL: _digest(model), **{option: _as_text(value) for option, value in asked.items()}}


def _digest(model: Path) -> str:
    """The digest of a model's content; of a folder, that of the names and the contents of all files in it."""
    if not model.is_dir():
        with model.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(path for path in model.rglob("*") if path.is_file())
    told = (f"{path.relative_to(model).as_posix()} {_digest(path)}" for path in files)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _listed(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _as_text(value: Any) -> str:
    """The value as a user would write it; "" if it is left out."""
    if isinstance(value, Mapping):
        value = tuple(f"{name}={_listed(value[name])}" for name in sorted(value))
    if isinstance(value, tuple):
        return shlex.join(value)
    return "" if value is None or value is False else str(value)

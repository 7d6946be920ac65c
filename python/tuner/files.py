# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that a command writes: checks the place beforehand, and writes in one step."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tuner.errors import InputError

# Prefix of temporary folders; a resumed run removes those that a killed process left.
TEMPORARY = "iree-tuner-"

# The first bytes of a SQLite file.
_DATABASE = b"SQLite format 3\0"
_NOTHING: Mapping[Path, str] = MappingProxyType({})


def check_writable(path: Path, *, kept: Mapping[Path, str] = _NOTHING, option: str = "-o") -> None:
    """Raises InputError unless a file can be written to `path`: called before the work whose result it holds.

    `kept` are files that must not be replaced, with a description, as in "the model itself". `option` named `path`.
    """
    folder = path.parent
    try:
        for other, what in kept.items():
            if is_same(path, other):
                raise InputError(f"{path} is {what}; choose another {option}")
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a file to write to")
        if not folder.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {folder}; create it first")
        if path.exists():
            check_regular(path)
            with path.open("a+b") as file:
                file.seek(0)
                if is_database(file.read(len(_DATABASE))):
                    raise InputError(f"{path} is a database, as stores are; choose another {option}")
        temporary = _beside(path)
        os.close(_created(temporary))
        temporary.unlink()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another {option}") from error


def check_regular(path: Path) -> None:
    """Raises InputError if `path` is a pipe, a socket or a device: reading may never end, writing keeps nothing."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path} is a pipe, a socket or a device; name a regular file")


def is_database(first: bytes) -> bool:
    """Whether a file with these first bytes is one of SQLite's, as stores are."""
    return first == _DATABASE


def first_bytes(path: Path) -> bytes:
    """The bytes that say what a file is. Raises InputError unless `path` is a regular file that can be read."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a file")
        check_regular(path)
        with path.open("rb") as file:
            return file.read(len(_DATABASE))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its name") from error


def is_same(path: Path, other: Path) -> bool:
    """Whether both paths lead to one file, or will when it is made."""
    try:
        return path.samefile(other)
    except OSError:
        return place_of(path) == place_of(other)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes text or bytes to `path` in one step: no reader, and no crash, sees half of it.

    If `path` is a link, the file that it leads to is replaced. A file keeps its mode.
    """
    temporary = _beside(path)
    try:
        with os.fdopen(_created(temporary), "wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place_of(path))
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = str(path)
        temporary.unlink(missing_ok=True)
        raise


def place_of(path: Path) -> Path:
    """The place of a file that is written to `path`: the end of the link if it is one."""
    return Path(os.path.realpath(path))


def _beside(path: Path) -> Path:
    place = place_of(path)
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}")


def _created(path: Path) -> int:
    """A new file, open for writing. The process's umask decides who else may read it."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which stores a run works with: one that it writes, and those of others, which it only reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import InputError
from tuner.files import is_same
from tuner.options import Options
from tuner.runs.database import read_rows
from tuner.runs.folder import RunFolder
from tuner.runs.store import check_store

# The variable that names a store which every run on a machine reads beside its own.
SYSTEM_STORE = "IREE_TUNER_SYSTEM_STORE"


def written_store(options: Options, folder: RunFolder) -> Path:
    """The store that a run writes: the first that was named, else one in the run's folder."""
    return options.store[0] if options.store else folder.store


def read_only_stores(options: Options, written: Path) -> tuple[Path, ...]:
    """The stores that a run only reads: further ones that were named, then the system's, without `written`."""
    found: list[Path] = []
    for path in (*options.store[1:], *_system_store()):
        if not any(is_same(path, other) for other in (written, *found)):
            found.append(path)
    return tuple(found)


def check_stores(options: Options) -> None:
    """Raises InputError if a named store cannot be used, or the system's: called before the model is read."""
    for written in options.store[:1]:
        check_store(written)
    for path in options.store[1:]:
        read_rows(path, "")
    for path in _system_store():
        try:
            read_rows(path, "")
        except InputError as error:
            raise InputError(f"{SYSTEM_STORE} names a store that cannot be read: {error}") from error


def _system_store() -> Sequence[Path]:
    named = os.environ.get(SYSTEM_STORE, "")
    return (Path(named),) if named else ()

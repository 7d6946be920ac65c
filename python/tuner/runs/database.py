# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The file of a store: one table in SQLite, opened to be written or only read.

Several processes may write it at the same time. Reading keeps no writer waiting, makes no file beside a store that
nobody writes, and works on a read-only file system.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.files import check_regular, first_bytes, is_database, place_of

# The columns of a row, in order.
Row = tuple[Any, ...]

_VERSION = 3
_BUSY_TIMEOUT_S, _RETRY_S = 60.0, 0.02
# Readings of a file that changes meanwhile, until it is given up.
_READINGS = 10
_COLUMNS = """
  subject text not null,        -- what was compiled: a digest of the dispatch's program, or of the model
  circumstances text not null,  -- target, processor, features, device, threads
  compiler text not null,
  choice text not null,         -- the configuration or the flags, as JSON
  problem text not null,        -- what equal problems share, whatever the program around them
  point text not null,          -- the knobs, as JSON
  fate text not null,
  detail text not null,
  compile_s real not null,
  time_s real,
  speedup real,
  samples_s text not null,
  edge_slowdown real not null,  -- as in tuner.outcome.Evaluation
  facts text,                   -- what its binary says of itself, as JSON: tuner.facts.BinaryFacts
  ended text not null,          -- UTC
  primary key (subject, circumstances, compiler, choice)
"""
_SCHEMA = f"create table evaluations ({_COLUMNS}) without rowid"
_OTHER = "it is a database of another version or another program"
# What a connection knows beside its own file. A row of its own file hides the same candidate's of others.
_OTHERS = f"""
pragma temp_store = memory;
create temp table others ({_COLUMNS}) without rowid;
create temp view known as
  select * from main.evaluations
  union all
  select others.* from others
  left join main.evaluations as own using (subject, circumstances, compiler, choice)
  where own.fate is null
"""


def open_written(path: Path) -> sqlite3.Connection:
    """The store at `path`, a new one if there is none. Raises InputError if there can be none."""
    try:
        if path.exists() and not path.is_dir():
            check_regular(path)
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except InputError:
        connection.close()
        raise
    return connection


def know_beside(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Makes the view `known` of the rows of an open store and of these. Of equal candidates the first row counts.

    The file does not change. Raises sqlite3.Error.
    """
    connection.executescript(_OTHERS)
    for row in rows:
        connection.execute(f"insert or ignore into others values ({_marks(row)})", row)


@contextmanager
def changing(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes all changes to an open store in one step, or none if an error is raised. Other writers wait meanwhile."""
    with connection:
        connection.execute("begin immediate")
        yield


def put(connection: sqlite3.Connection, row: Row, *, instead: bool = False) -> None:
    """Adds a row to an open store; `instead` of the same candidate's, if there is one. Raises sqlite3.Error."""
    connection.execute(f"insert or {'replace' if instead else 'ignore'} into evaluations values ({_marks(row)})", row)


def row_of(connection: sqlite3.Connection, key: tuple[str, str, str, str]) -> Row | None:
    """The row of a candidate in an open store: by subject, circumstances, compiler and choice. Raises sqlite3.Error."""
    found: Row | None = connection.execute(
        "select * from evaluations where subject = ? and circumstances = ? and compiler = ? and choice = ?", key
    ).fetchone()
    return found


def read_rows(path: Path, circumstances: str | None = None) -> list[Row]:
    """The rows of a store as they are now; with `circumstances` those alone. No writer waits for that.

    Raises InputError if there is no store at `path`.
    """
    if not is_database(first_bytes(path)):
        raise InputError(
            f"{path} is no store; choose another --store, or make one of an exported file by iree-tune store import"
        )
    failure: sqlite3.Error | None = None
    for _ in range(_READINGS):
        before = _state(path)
        try:
            rows = _read(path, circumstances, is_open=before[-1] > 0)
        except sqlite3.Error as error:
            failure = error
        else:
            failure = None
        if before[-1] > 0 or _state(path) == before:
            break
    else:
        raise InputError(f"{path} changes again and again while it is read; try again later")
    if failure is not None:
        advice = (
            "name it once as the --store of a run that may write it" if before[-1] > 0 else "choose another --store"
        )
        raise InputError(f"{path} cannot be read as a store ({failure}); {advice}") from failure
    return rows


def _read(path: Path, circumstances: str | None, *, is_open: bool) -> list[Row]:
    """`is_open`: whether a process writes it, or was killed; its rows are then in a second file, which SQLite joins.

    Otherwise SQLite takes the file as one that does not change, and makes no files beside it.
    """
    mode = "mode=ro" if is_open else "immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S)
    with closing(connection):
        connection.execute("begin")
        if not _is_store(connection):
            raise InputError(f"{path} cannot be read as a store ({_OTHER}); choose another --store")
        chosen = ("", ()) if circumstances is None else (" where circumstances = ?", (circumstances,))
        return connection.execute(f"select * from evaluations{chosen[0]}", chosen[1]).fetchall()


def _state(path: Path) -> tuple[int, ...]:
    """What changes if the file does; the last number is the size of the second file that rows are first written to."""
    state, place = path.stat(), place_of(path)
    try:
        written_bytes = place.with_name(f"{place.name}-wal").stat().st_size
    except OSError:
        written_bytes = 0
    return state.st_ino, state.st_mtime_ns, state.st_size, written_bytes


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Sets the file up. SQLite does not wait for another process that turns the same new file to WAL; we do."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            _create(connection, path)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the table in a new file. Raises InputError for a database of another form; it stays as it is."""
    with changing(connection):
        (version,) = connection.execute("pragma user_version").fetchone()
        if version == 0 and not connection.execute("select 1 from sqlite_master").fetchall():
            connection.execute(_SCHEMA)
            connection.execute(f"pragma user_version = {_VERSION}")
        if not _is_store(connection):
            raise InputError(f"{path} cannot be used as a store ({_OTHER}); choose another --store")
        # Also if it is set already: a file that cannot be written shows it now.
        connection.execute(f"pragma user_version = {_VERSION}")


def _is_store(connection: sqlite3.Connection) -> bool:
    (version,) = connection.execute("pragma user_version").fetchone()
    return version == _VERSION and _columns(connection) == _expected_columns()


def _columns(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("pragma table_info(evaluations)").fetchall()


def _expected_columns() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(_SCHEMA)
        return _columns(connection)


def _marks(row: Row) -> str:
    return ", ".join("?" * len(row))


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be used as a store ({error}); make room or choose another --store")

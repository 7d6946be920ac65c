# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The end of every candidate, in SQLite: a run that was killed can be resumed, and nothing is measured twice.

Several processes may share a store. What it holds of another compiler is a warm start, never a verdict.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tuner.dispatch import BenchmarkProgram
from tuner.errors import InputError
from tuner.files import check_regular
from tuner.foreign import check_edge_slowdown
from tuner.outcome import Compilation, Evaluation, Fate

# The problem of a choice of flags, which is none.
FLAGS = "flags"
_VERSION = 2
_BUSY_TIMEOUT_S, _RETRY_S = 60.0, 0.02
_SCHEMA = """
create table evaluations (
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
  ended text not null,          -- UTC
  primary key (subject, circumstances, compiler, choice)
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """How a candidate ended, as a store keeps it: the fields of an evaluation. `speedup` is over the default then."""

    fate: Fate
    detail: str
    compile_s: float
    time_s: float | None
    speedup: float | None
    samples_s: tuple[float, ...]
    edge_slowdown: float = 1.0

    @staticmethod
    def of(evaluation: Evaluation) -> Stored:
        """What is kept of a candidate's end."""
        return Stored(
            evaluation.fate,
            evaluation.detail,
            evaluation.compilation.seconds,
            evaluation.time_s,
            evaluation.speedup,
            evaluation.samples_s,
            evaluation.edge_slowdown,
        )

    def evaluation(self, compilation: Compilation) -> Evaluation:
        """The end of the same candidate in another run, `compilation` being what that run knows of compiling it."""
        return Evaluation(
            compilation, self.fate, self.detail, self.time_s, self.speedup, self.samples_s, self.edge_slowdown
        )


class Store:
    """The ends of candidates in one file, under the same circumstances. Use it as a context manager.

    `subject` is a digest of what was compiled (`digest`, `subject_of`), `choice` the configuration or the flags as
    plain JSON.
    """

    def __init__(self, path: Path, circumstances: Mapping[str, Any], compiler: str) -> None:
        """`circumstances`: target, processor, features, device, threads. `compiler`: its version.

        Raises InputError if there can be no store at `path`.
        """
        self.path = path
        self._circumstances, self._compiler = _line(circumstances), compiler
        try:
            if path.exists() and not path.is_dir():
                check_regular(path)
            self._connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(error) from error
        except InputError:
            self._connection.close()
            raise

    def _unusable(self, error: Exception) -> InputError:
        return InputError(f"{self.path} cannot be used as a store ({error}); make room or choose another --store")

    def _prepare(self) -> None:
        """Sets the file up. SQLite does not wait for another process that turns the same new file to WAL; we do."""
        deadline = time.monotonic() + _BUSY_TIMEOUT_S
        while True:
            try:
                self._create()
                self._connection.execute("pragma journal_mode = wal")
                self._connection.execute("pragma synchronous = normal")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)

    def _create(self) -> None:
        """Makes the table in a new file. Raises InputError for a database of another form; it stays as it is."""
        with self._connection:
            self._connection.execute("begin immediate")
            (version,) = self._connection.execute("pragma user_version").fetchone()
            if version == 0 and not self._connection.execute("select 1 from sqlite_master").fetchall():
                self._connection.execute(_SCHEMA)
            elif version != _VERSION or _columns(self._connection) != _expected_columns():
                raise InputError(
                    f"{self.path} cannot be used as a store (it is a database of another version or another program);"
                    " choose another --store"
                )
            # Also if it is set already: a file that cannot be written shows it now.
            self._connection.execute(f"pragma user_version = {_VERSION}")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def find(self, subject: str, choice: Any) -> Stored | None:
        """How this very choice ended before, if it did."""
        with self._errors():
            row = self._connection.execute(
                "select fate, detail, compile_s, time_s, speedup, samples_s, edge_slowdown from evaluations"
                " where subject = ? and circumstances = ? and compiler = ? and choice = ?",
                (subject, self._circumstances, self._compiler, _line(choice)),
            ).fetchone()
            return None if row is None else _stored(*row)

    def add(self, subject: str, choice: Any, stored: Stored, problem: str, point: Mapping[str, Any]) -> None:
        """Keeps the end of a candidate, which survives a kill after this returns. One that is there already stays.

        `problem` is what equal problems share, `point` the knobs, for warm starts.

        Raises InputError if the disk is full or read-only; what was kept before stays.
        """
        with self._errors():
            self._connection.execute(
                "insert or ignore into evaluations values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    subject,
                    self._circumstances,
                    self._compiler,
                    _line(choice),
                    problem,
                    _line(point),
                    stored.fate.value,
                    stored.detail,
                    stored.compile_s,
                    stored.time_s,
                    stored.speedup,
                    json.dumps(stored.samples_s),
                    stored.edge_slowdown,
                    now(),
                ),
            )

    def earlier(self, problem: str) -> list[tuple[dict[str, int], float]]:
        """Points of an equal problem and what they took under other compilers, with the default's time as 1."""
        with self._errors():
            rows = self._connection.execute(
                "select point, speedup from evaluations"
                " where problem = ? and circumstances = ? and compiler != ? and speedup is not null",
                (problem, self._circumstances, self._compiler),
            ).fetchall()
            return [(_point(point), 1 / _positive(speedup, "speed-up")) for point, speedup in rows]

    def measured(self, before: str) -> list[tuple[str, dict[str, int], float]]:
        """Problem, point and seconds of one run, of every candidate that was timed before a moment, in that order.

        `before` is as `now` writes it. Under every compiler: what they make of a point is alike.
        """
        with self._errors():
            rows = self._connection.execute(
                "select problem, point, time_s from evaluations"
                " where circumstances = ? and problem != ? and time_s is not null and ended < ?"
                " order by ended, subject, choice",
                (self._circumstances, FLAGS, before),
            ).fetchall()
            return [(_text(problem), _point(point), _positive(time_s, "time")) for problem, point, time_s in rows]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"the store {self.path} cannot be read or written ({error}); what it holds is kept: make room or choose"
                " another place"
            ) from error
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"the store {self.path} holds a row that no run wrote ({error}); delete the row, or choose"
                " another --store"
            ) from error


def check_store(path: Path) -> None:
    """Raises InputError if there can be no store at `path`; if there can, there is one."""
    with Store(path, {}, ""):
        pass


def digest(*contents: str | bytes) -> str:
    """What stands for a program or a model in a store."""
    hashed = hashlib.sha256()
    for content in contents:
        hashed.update(content.encode() if isinstance(content, str) else content)
    return hashed.hexdigest()


def subject_of(program: BenchmarkProgram) -> str:
    """What stands for a dispatch's program in a store: what it computes, on which data, compiled by which flags."""
    return digest(program.ir_text, repr(program.regions), repr(program.flags))


def now() -> str:
    """This moment as a store writes it: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _columns(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("pragma table_info(evaluations)").fetchall()


def _expected_columns() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(_SCHEMA)
        return _columns(connection)


def _stored(
    fate: Any, detail: Any, compile_s: Any, time_s: Any, speedup: Any, samples: Any, edge_slowdown: Any
) -> Stored:
    """The value of a row. Raises ValueError for a row that no run writes."""
    times_s = json.loads(_text(samples))
    if not isinstance(times_s, list):
        raise ValueError("the samples are no list")
    stored = Stored(
        Fate(fate),
        _text(detail),
        0.0 if compile_s == 0 else _positive(compile_s, "time of compiling"),
        None if time_s is None else _positive(time_s, "time"),
        None if speedup is None else _positive(speedup, "speed-up"),
        tuple(_positive(sample_s, "sample") for sample_s in times_s),
        _positive(edge_slowdown, "edge_slowdown"),
    )
    check_edge_slowdown(stored.edge_slowdown)
    if stored.fate is Fate.MEASURED and (stored.time_s is None or not stored.samples_s):
        raise ValueError("it was measured, and has no time")
    return stored


def _point(text: Any) -> dict[str, int]:
    point = json.loads(_text(text))
    if not isinstance(point, dict) or not all(type(value) is int for value in point.values()):
        raise ValueError("the knobs are no object of whole numbers")
    return point


def _positive(value: Any, what: str) -> float:
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise ValueError(f"the {what} is {str(value)[:40]}")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]} is no text")
    return value

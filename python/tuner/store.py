# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every evaluation as it ends, in SQLite: a run that was killed goes on where it was, and nothing is measured twice.

Several processes may share a store. What it holds of another compiler is a warm start, never a verdict.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tuner.dispatch import BenchmarkProgram
from tuner.errors import InputError
from tuner.outcome import Evaluation, Fate

_BUSY_TIMEOUT_S, _RETRY_S = 60.0, 0.02
_SCHEMA = """
create table if not exists evaluations (
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
  ended text not null,          -- UTC
  primary key (subject, circumstances, compiler, choice)
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """How a candidate ended, as a store keeps it. Times in seconds of one run; `speedup` is over the default then."""

    fate: Fate
    detail: str
    compile_s: float
    time_s: float | None
    speedup: float | None
    samples_s: tuple[float, ...]

    @staticmethod
    def of(evaluation: Evaluation) -> Stored:
        """What is kept of an evaluation."""
        return Stored(
            evaluation.fate,
            evaluation.detail,
            evaluation.compilation.seconds,
            evaluation.time_s,
            evaluation.speedup,
            evaluation.samples_s,
        )


class Store:
    """The evaluations of one file that were made under the same circumstances. Use it as a context manager.

    `subject` is a digest of what was compiled (`digest`, `subject_of`), `choice` the configuration or the flags as
    plain JSON.
    """

    def __init__(self, path: Path, circumstances: Mapping[str, Any], compiler: str) -> None:
        """`circumstances`: target, processor, features, device, threads. `compiler`: its version.

        Raises InputError where there can be no store at `path`.
        """
        self.path = path
        self._circumstances, self._compiler = _line(circumstances), compiler
        try:
            self._connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise InputError(
                f"{path} cannot be used as a store ({error}); make room or choose another --store"
            ) from error

    def _prepare(self) -> None:
        """Sets the file up. SQLite does not wait for another process that turns the same new file to WAL; we do."""
        deadline = time.monotonic() + _BUSY_TIMEOUT_S
        while True:
            try:
                self._connection.execute("pragma journal_mode = wal")
                self._connection.execute("pragma synchronous = normal")
                self._connection.execute(_SCHEMA)
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)

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
                "select fate, detail, compile_s, time_s, speedup, samples_s from evaluations"
                " where subject = ? and circumstances = ? and compiler = ? and choice = ?",
                (subject, self._circumstances, self._compiler, _line(choice)),
            ).fetchone()
        if row is None:
            return None
        fate, detail, compile_s, time_s, speedup, samples = row
        return Stored(Fate(fate), detail, compile_s, time_s, speedup, tuple(json.loads(samples)))

    def add(self, subject: str, choice: Any, stored: Stored, problem: str, point: Mapping[str, Any]) -> None:
        """Keeps an evaluation; a kill after this returns does not lose it. Another process's of the same choice stays.

        `problem` is what equal problems share, `point` the knobs, for warm starts.

        Raises InputError where the disk is full or read-only; what was kept before stays.
        """
        with self._errors():
            self._connection.execute(
                "insert or ignore into evaluations values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        return [(json.loads(point), 1 / speedup) for point, speedup in rows]

    def measured(self, before: str) -> list[tuple[str, dict[str, int], float]]:
        """Problem, point and seconds of one run, of every candidate that was timed before a moment, in that order.

        `before` is as `now` writes it. Under every compiler: what they make of a point is alike.
        """
        with self._errors():
            rows = self._connection.execute(
                "select problem, point, time_s from evaluations"
                " where circumstances = ? and time_s is not null and ended < ? order by ended, subject, choice",
                (self._circumstances, before),
            ).fetchall()
        return [(problem, json.loads(point), time_s) for problem, point, time_s in rows]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"the store {self.path} cannot be read or written ({error}); what it holds is kept: make room or choose"
                " another place, and go on with --run-dir and --resume"
            ) from error


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

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The end of every candidate, in SQLite: a run that was killed can be resumed, and nothing is measured twice.

Several processes may share a store. What it holds of another compiler is a warm start, never a verdict.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tuner.dispatch import BenchmarkProgram
from tuner.errors import InputError
from tuner.facts import BinaryFacts, check_facts
from tuner.foreign import check_edge_slowdown, parse_json, shown
from tuner.jsonable import from_plain, to_plain
from tuner.outcome import Compilation, Evaluation, Fate
from tuner.runs.database import Row, know_beside, open_written, put, read_rows

# The problem of a choice of flags, which is none.
FLAGS = "flags"
# A moment as `now` writes it.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Stored:
    """How a candidate ended, as a store keeps it: the fields of an `Evaluation`. `speedup` is over the default then.

    `facts` are those of its `Compilation`.
    """

    fate: Fate
    detail: str
    compile_s: float
    time_s: float | None
    speedup: float | None
    samples_s: tuple[float, ...]
    edge_slowdown: float = 1.0
    facts: BinaryFacts | None = None

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
            evaluation.compilation.facts,
        )

    def evaluation(self, compilation: Compilation) -> Evaluation:
        """The end of the same candidate in another run, `compilation` being what that run knows of compiling it."""
        return Evaluation(
            compilation, self.fate, self.detail, self.time_s, self.speedup, self.samples_s, self.edge_slowdown
        )


@dataclass(frozen=True, slots=True)
class Record:
    """How a candidate ended, with all that it was: a row of a store, and a line of an exchanged file.

    `circumstances`, `choice` and `point` are JSON as a store writes it: in one line, sorted. `ended` is UTC.
    """

    subject: str
    circumstances: str
    compiler: str
    choice: str
    problem: str
    point: str
    stored: Stored
    ended: str

    @staticmethod
    def of_row(row: Row) -> Record:
        """Raises ValueError for a row that no run writes."""
        subject, circumstances, compiler, choice, problem, point, *end, ended = row
        if not isinstance(parse_json(_text(circumstances)), dict):
            raise ValueError("the circumstances are no object")
        parse_json(_text(choice))
        if problem == FLAGS:
            parse_json(_text(point))
        else:
            _point(point)
        if not _MOMENT.fullmatch(_text(ended)):
            raise ValueError(f"{shown(ended)} is no moment")
        stored = _stored(*end)
        return Record(_text(subject), circumstances, _text(compiler), choice, _text(problem), point, stored, ended)

    @property
    def row(self) -> Row:
        """The record in the order of a store's columns."""
        stored = self.stored
        return (
            *(self.subject, self.circumstances, self.compiler, self.choice, self.problem, self.point),
            *(stored.fate.value, stored.detail, stored.compile_s, stored.time_s, stored.speedup),
            *(json.dumps(stored.samples_s), stored.edge_slowdown, facts_line(stored.facts), self.ended),
        )

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What two records share if they are of the same candidate under the same circumstances."""
        return self.subject, self.circumstances, self.compiler, self.choice

    def outweighs(self, other: Record) -> bool:
        """Which of two ends of the same candidate counts, whatever the order in which they are met.

        A wrong result counts more than any other end. A measurement counts more than a failure, for which little
        memory may be the reason. Of two equal ones the later counts.
        """
        return self._weight > other._weight

    @property
    def _weight(self) -> tuple[Any, ...]:
        fate = self.stored.fate
        return fate is Fate.WRONG_RESULT, fate is Fate.MEASURED, self.ended, repr(self.row)


class Store:
    """The ends of candidates in one file, under the same circumstances. Use it as a context manager.

    `subject` is a digest of what was compiled (`digest`, `subject_of`), `choice` the configuration or the flags as
    plain JSON.
    """

    def __init__(
        self, path: Path, circumstances: Mapping[str, Any], compiler: str, read_only: Sequence[Path] = ()
    ) -> None:
        """`circumstances`: target, processor, features, device, threads. `compiler`: its version.

        `read_only`: further stores, which are known as they are now and not written. Of a candidate that several hold
        the end in `path` counts, then that of the first. Raises InputError if there can be no store at `path`, and for
        a further one that is none.
        """
        self.path = path
        self._circumstances, self._compiler = line_of(circumstances), compiler
        others = [record.row for other in read_only for record in records_of(other, self._circumstances)]
        self._connection = open_written(path)
        with self._errors():
            know_beside(self._connection, others)

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
                "select fate, detail, compile_s, time_s, speedup, samples_s, edge_slowdown, facts from known"
                " where subject = ? and circumstances = ? and compiler = ? and choice = ?",
                (subject, self._circumstances, self._compiler, line_of(choice)),
            ).fetchone()
            return None if row is None else _stored(*row)

    def add(
        self,
        subject: str,
        choice: Any,
        stored: Stored,
        problem: str,
        point: Mapping[str, Any],
        *,
        instead: bool = False,
    ) -> None:
        """Keeps the end of a candidate, which survives a kill after this returns. One that is there already stays.

        `instead`: the new end takes its place, for it counts more.

        `problem` is what equal problems share, `point` the knobs, for warm starts.

        Raises InputError if the disk is full or read-only; what was kept before stays.
        """
        kept = Record(
            subject, self._circumstances, self._compiler, line_of(choice), problem, line_of(point), stored, now()
        )
        with self._errors():
            put(self._connection, kept.row, instead=instead)

    def earlier(self, problem: str) -> list[tuple[dict[str, int], float]]:
        """Points of an equal problem and what they took under other compilers, with the default's time as 1."""
        with self._errors():
            rows = self._connection.execute(
                "select point, speedup from known"
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
                "select problem, point, time_s from known"
                " where circumstances = ? and problem != ? and time_s is not null and ended < ?"
                " order by ended, subject, choice",
                (self._circumstances, FLAGS, before),
            ).fetchall()
            return [(_text(problem), _point(point), _positive(time_s, "time")) for problem, point, time_s in rows]

    def tried(self, subject: str, before: str) -> list[dict[str, int]]:
        """The points of a dispatch's candidates that ended before a moment: the fastest first, failures last."""
        with self._errors():
            rows = self._connection.execute(
                "select point from known"
                " where subject = ? and circumstances = ? and compiler = ? and problem != ? and ended < ?"
                " order by speedup is null, speedup desc, choice",
                (subject, self._circumstances, self._compiler, FLAGS, before),
            ).fetchall()
            return [_point(point) for (point,) in rows]

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
            raise _no_run_wrote(self.path, error) from error


def records_of(path: Path, circumstances: str | None = None) -> list[Record]:
    """What a store holds now, of any circumstances or of these (a line of JSON). The store is read, never written.

    Raises InputError if there is no store, or if it holds a row that no run writes.
    """
    try:
        return [Record.of_row(row) for row in read_rows(path, circumstances)]
    except (ValueError, RecursionError) as error:
        raise _no_run_wrote(path, error) from error


def _no_run_wrote(path: Path, error: Exception) -> InputError:
    return InputError(
        f"the store {path} holds a row that no run wrote ({error}); delete the row, or choose another --store"
    )


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


def line_of(value: Any) -> str:
    """A value as a store writes it: JSON in one line, sorted."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def facts_line(facts: BinaryFacts | None) -> str | None:
    """Facts as a store writes them."""
    return None if facts is None else line_of(to_plain(facts))


def _stored(
    fate: Any, detail: Any, compile_s: Any, time_s: Any, speedup: Any, samples: Any, edge_slowdown: Any, facts: Any
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
        None if facts is None else from_plain(BinaryFacts, parse_json(_text(facts))),
    )
    check_edge_slowdown(stored.edge_slowdown)
    check_facts(stored.facts)
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

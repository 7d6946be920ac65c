# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stores as files that teams exchange: exported, imported, merged, summed up.

An exchanged file is text: a header with the circumstances and the compilers, then one record a line, sorted. Equal
records make equal files. It is compressed if its name ends in `.gz`; both forms are read, whatever the name.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.files import check_writable, first_bytes, is_database, write_atomically
from tuner.foreign import parse_json, printable, shown
from tuner.jsonable import to_plain
from tuner.runs.database import changing, open_written, put, row_of
from tuner.runs.names import check_not_of_a_run
from tuner.runs.store import FLAGS, Record, line_of, records_of

_FORM, _VERSION = "iree-tuner store", 2
_COMPRESSED = b"\x1f\x8b"
# Bytes of a line. That of a candidate has some hundreds, the header some thousands for each device.
_LONGEST_LINE = 1 << 24
# Hexadecimal digits by which a line names its circumstances.
_DIGITS = 12
# The fields of a line that a row of a store has as they are, and those that it has as JSON.
_TEXTS = ("subject", "compiler", "problem", "fate", "detail", "ended")
_NUMBERS = ("compile_s", "time_s", "speedup", "edge_slowdown")
_VALUES = ("choice", "point", "samples_s")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the records of a file: how many the store had not, had otherwise (then the rule chose), or had."""

    new: int
    replaced: int
    known: int


@dataclass(frozen=True, slots=True)
class Part:
    """How much there is of one device and compiler, which `label` names, or in all ("").

    `choices`: those of flags and for ops, of whole models.
    """

    label: str
    candidates: int
    dispatches: int
    choices: int

    @property
    def amount(self) -> str:
        """For people, as in `3 candidates of 1 dispatch, 2 choices for whole models`."""
        choices = f", {_counted(self.choices, 'choice')} for whole models" if self.choices else ""
        return f"{_counted(self.candidates, 'candidate')} of {_counted(self.dispatches, 'dispatch')}{choices}"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a store or an exchanged file holds: in all, and by place.

    `fates`: how often each end came. `first` and `last`: when records ended, UTC ("" without any).
    """

    total: Part
    parts: tuple[Part, ...]
    fates: Mapping[str, int]
    first: str
    last: str

    def lines(self) -> list[str]:
        """For people: everything together, the ends, and a line for each device with each compiler."""
        ends = ", ".join(f"{count} {fate}" for fate, count in sorted(self.fates.items()))
        dated = [f"from {self.first} to {self.last}: {ends}"] if ends else []
        return [self.total.amount, *dated, *(f"{part.label}: {part.amount}" for part in self.parts)]


def export_store(store: Path, output: Path) -> Summary:
    """Writes what a store holds to a file, in one step. Returns what that is.

    Raises InputError if there is no store, or if `output` is no place for a file. Raises OSError if writing fails.
    """
    return merge_stores((store,), output)


def merge_stores(paths: Sequence[Path], output: Path) -> Summary:
    """Writes what several stores and exchanged files hold to one file, in one step. Their order does not matter.

    Of two ends of the same candidate that counts which `tuner.runs.store.Record.outweighs` the other. Raises as
    `export_store`.
    """
    check_writable(output)
    check_not_of_a_run(output)
    merged = _resolved(record for path in paths for record in read_records(path))
    text = "".join(_text_of(merged)).encode()
    # Without the moment of writing: equal records make equal bytes.
    write_atomically(output, gzip.compress(text, mtime=0) if output.suffix == ".gz" else text)
    return _summed(merged)


def import_into(store: Path, path: Path) -> Imported:
    """Takes an exchanged file, or another store, into a store, which is made if there is none.

    All or nothing, and the second time nothing changes. Of two ends of the same candidate that counts which
    `tuner.runs.store.Record.outweighs` the other. Raises InputError for a damaged or foreign file, and if
    there can be no store.
    """
    records = read_records(path)
    if store.name != "store.sqlite":
        check_not_of_a_run(store, option="--store")
    counts: Counter[str] = Counter()
    try:
        with closing(open_written(store)) as connection, changing(connection):
            for record in records:
                row = row_of(connection, record.key)
                known = None if row is None else Record.of_row(row)
                what = "new" if known is None else "replaced" if record.outweighs(known) else "known"
                counts[what] += 1
                if what != "known":
                    put(connection, record.row, instead=True)
    except sqlite3.Error as error:
        raise InputError(f"{path} cannot be taken into {store} ({error}); it is as it was before") from error
    except ValueError as error:
        raise InputError(
            f"the store {store} holds a row that no run wrote ({error}); delete the row, or choose another --store"
        ) from error
    return Imported(counts["new"], counts["replaced"], counts["known"])


def sum_up(path: Path) -> Summary:
    """What a store or an exchanged file holds. Raises InputError for any other file."""
    return _summed(read_records(path))


def read_records(path: Path) -> list[Record]:
    """The records of a store or of an exchanged file. Raises InputError for any other, or a damaged one."""
    first = first_bytes(path)
    if is_database(first):
        return records_of(path)
    try:
        with gzip.open(path) if first.startswith(_COMPRESSED) else path.open("rb") as lines:
            return _parsed(lines, path)
    except (EOFError, zlib.error, OSError) as error:
        raise _damaged(path, "it does not unpack") from error


def _resolved(records: Iterable[Record]) -> list[Record]:
    """One record of each candidate."""
    found: dict[tuple[str, ...], Record] = {}
    for record in records:
        known = found.get(record.key)
        if known is None or record.outweighs(known):
            found[record.key] = record
    return list(found.values())


def _text_of(records: Iterable[Record]) -> Iterator[str]:
    """The header and a line for each record, those of equal problems beside one another."""
    ordered = sorted(
        records,
        key=lambda record: (record.circumstances, record.compiler, record.problem, record.subject, record.choice),
    )
    circumstances = sorted({record.circumstances for record in ordered})
    header = {
        "form": _FORM,
        "version": _VERSION,
        "records": len(ordered),
        "circumstances": {_name_of(line): json.loads(line) for line in circumstances},
        "compilers": sorted({record.compiler for record in ordered}),
    }
    yield json.dumps(header) + "\n"
    for record in ordered:
        yield line_of(_plain(record)) + "\n"


def _plain(record: Record) -> dict[str, Any]:
    stored = record.stored
    return {
        "in": _name_of(record.circumstances),
        **{name: getattr(record, name) for name in ("subject", "compiler", "problem", "ended")},
        **{name: json.loads(getattr(record, name)) for name in ("choice", "point")},
        **{name: getattr(stored, name) for name in (*_NUMBERS, "fate", "detail", "samples_s")},
        "facts": to_plain(stored.facts),
    }


def _name_of(circumstances: str) -> str:
    return hashlib.sha256(circumstances.encode()).hexdigest()[:_DIGITS]


def _parsed(lines: BufferedIOBase, path: Path) -> list[Record]:
    """Raises InputError for another form, and unless there are exactly as many records as the header says."""
    header = _header(lines.readline(_LONGEST_LINE), path)
    count, named = header.get("records"), header.get("circumstances")
    if type(count) is not int or not isinstance(named, dict):
        raise _damaged(path, "its header is incomplete")
    # As a store writes them, whatever the names are.
    circumstances = {name: line_of(value) for name, value in named.items()}
    found: list[Record] = []
    while line := lines.readline(_LONGEST_LINE):
        try:
            found.append(_record(parse_json(line), circumstances))
        except ValueError as error:
            raise _damaged(path, f"line {len(found) + 2}: {error}") from error
        if len(found) > count:
            break
    if len(found) != count:
        raise _damaged(path, f"it holds {'more' if len(found) > count else len(found)} of {count} records")
    return _resolved(found)


def _header(line: bytes, path: Path) -> dict[str, Any]:
    try:
        header = parse_json(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("form") != _FORM:
        raise InputError(f"{path} is no store, and no file that iree-tune store export wrote; check its name")
    if header.get("version") != _VERSION:
        raise InputError(
            f"{path} is written in version {shown(header.get('version'))} of its form, this iree-tuner reads version"
            f" {_VERSION}; export it again with this one"
        )
    return header


def _record(data: Any, circumstances: Mapping[str, str]) -> Record:
    """Raises ValueError for a line that is no record."""
    fields = {"in", "facts", *_TEXTS, *_NUMBERS, *_VALUES}
    if not isinstance(data, dict) or data.keys() != fields:
        raise ValueError("it is no record")
    if not isinstance(data["in"], str) or data["in"] not in circumstances:
        raise ValueError(f"the header has no circumstances {shown(data['in'])}")
    # Somebody else wrote what a terminal may show.
    data = {
        name: printable(value) if name in _TEXTS and isinstance(value, str) else value for name, value in data.items()
    }
    values = {name: line_of(data[name]) for name in _VALUES}
    return Record.of_row(
        (
            *(data["subject"], circumstances[data["in"]], data["compiler"], values["choice"], data["problem"]),
            *(values["point"], data["fate"], data["detail"], data["compile_s"], data["time_s"], data["speedup"]),
            *(values["samples_s"], data["edge_slowdown"]),
            *(None if data["facts"] is None else line_of(data["facts"]), data["ended"]),
        )
    )


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"{path} is damaged ({printable(what)}), nothing was changed; copy or export it again")


def _summed(records: Iterable[Record]) -> Summary:
    records = list(records)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.circumstances, record.compiler), []).append(record)
    moments = [record.ended for record in records]
    return Summary(
        _part("", records),
        tuple(_part(_label(*group), groups[group]) for group in sorted(groups)),
        Counter(record.stored.fate.value for record in records),
        min(moments, default=""),
        max(moments, default=""),
    )


def _part(label: str, records: Sequence[Record]) -> Part:
    of_dispatches = [record for record in records if record.problem != FLAGS]
    subjects = {record.subject for record in of_dispatches}
    return Part(label, len(of_dispatches), len(subjects), len(records) - len(of_dispatches))


def _label(circumstances: str, compiler: str) -> str:
    known = json.loads(circumstances)
    words = [str(known[name]) for name in ("target", "processor", "device") if known.get(name)]
    threads = _counted(known["threads"], "thread") if known.get("threads") else ""
    # A processor's description may name them already.
    words += [threads] if threads and threads not in str(known.get("processor")) else []
    return printable(", ".join((*words, f"iree-compile {compiler}")))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 'es' if what.endswith('ch') else 's'}"

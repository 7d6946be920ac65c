# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exchanged files: all that a store holds, the same bytes for the same records, and nothing of a damaged one."""

from __future__ import annotations

import gzip
import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import InputError
from tuner.facts import BinaryFacts
from tuner.jsonable import to_plain
from tuner.outcome import Fate
from tuner.runs.exchange import Imported, export_store, import_into, merge_stores, read_records, sum_up
from tuner.runs.store import FLAGS, Record, Store, Stored, line_of, records_of

HERE = {"target": "cpu", "processor": "a CPU", "features": ["+avx2", "+fma"], "device": "local-sync", "threads": 1}
THERE = {**HERE, "processor": "another CPU", "threads": 2}
FAST = Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3, 2.1e-3))
BROKEN = Stored(Fate.RUN_FAILED, "no memory", 0.1, None, None, ())
WRONG = Stored(Fate.WRONG_RESULT, "output 0 differs", 0.1, None, None, ())


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> Path:
    """Four candidates of two dispatches on two devices, one of them failed, and a choice of flags."""
    path = tmp_path / "a.sqlite"
    with Store(path, HERE, "3.13.0") as store:
        store.add("first", {"tile": 4}, FAST, "a problem", {"tile": 4})
        store.add("first", {"tile": 8}, BROKEN, "a problem", {"tile": 8})
        facts = BinaryFacts("sm_90", registers=168, workgroup_size=(128, 1, 1), loop={"mma": 32})
        store.add("second", {"tile": 4}, replace(FAST, edge_slowdown=3.0, facts=facts), "another", {"tile": 4})
        store.add("a model", {"flag": "on"}, FAST, FLAGS, {"flag": "on"})
    with Store(path, THERE, "3.12.0") as store:
        store.add("first", {"tile": 4}, FAST, "a problem", {"tile": 4})
    return path


def record(stored: Stored = FAST, ended: str = "2026-11-01T00:00:00Z", tile: int = 4) -> Record:
    knobs = line_of({"tile": tile})
    return Record("subject", line_of(HERE), "3.13.0", knobs, "a problem", knobs, stored, ended)


def put(path: Path, *records: Record) -> Path:
    """A store of these records."""
    with Store(path, HERE, "3.13.0"):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(f"insert into evaluations values ({', '.join('?' * 15)})", [one.row for one in records])
    return path


@pytest.mark.parametrize("name", ["shared.jsonl.gz", "shared.jsonl"])
def test_what_is_exported_is_imported(name: str, store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / name)
    assert import_into(tmp_path / "b.sqlite", tmp_path / name) == Imported(5, 0, 0)
    assert records_of(tmp_path / "b.sqlite") == records_of(store)
    with Store(tmp_path / "b.sqlite", HERE, "3.13.0") as imported:
        assert imported.find("first", {"tile": 4}) == FAST
        assert imported.find("first", {"tile": 8}) == BROKEN
        assert imported.find("a model", {"flag": "on"}) == FAST


def test_importing_again_changes_nothing(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "shared.jsonl.gz")
    import_into(tmp_path / "b.sqlite", tmp_path / "shared.jsonl.gz")
    before = records_of(tmp_path / "b.sqlite")
    assert import_into(tmp_path / "b.sqlite", tmp_path / "shared.jsonl.gz") == Imported(0, 0, 5)
    assert import_into(tmp_path / "b.sqlite", store) == Imported(0, 0, 5)
    assert records_of(tmp_path / "b.sqlite") == before


def test_a_run_goes_on_while_a_file_is_imported_into_its_store(store: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "b.sqlite", HERE, "3.13.0") as running:
        running.add("first", {"tile": 2}, FAST, "a problem", {"tile": 2})
        assert import_into(tmp_path / "b.sqlite", store) == Imported(5, 0, 0)
        assert running.find("first", {"tile": 8}) == BROKEN
        running.add("first", {"tile": 16}, FAST, "a problem", {"tile": 16})
    assert len(records_of(tmp_path / "b.sqlite")) == 7


def test_equal_records_make_equal_files(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "shared.jsonl.gz")
    import_into(tmp_path / "b.sqlite", tmp_path / "shared.jsonl.gz")
    export_store(tmp_path / "b.sqlite", tmp_path / "again.jsonl.gz")
    assert (tmp_path / "again.jsonl.gz").read_bytes() == (tmp_path / "shared.jsonl.gz").read_bytes()


def test_the_header_names_devices_and_compilers_and_a_line_is_a_record(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "shared.jsonl")
    header, *lines = map(json.loads, (tmp_path / "shared.jsonl").read_text().splitlines())
    assert (header["form"], header["version"], header["records"]) == ("iree-tuner store", 2, len(lines))
    assert header["compilers"] == ["3.12.0", "3.13.0"]
    assert list(header["circumstances"].values()) == [HERE, THERE]
    assert {line["in"] for line in lines} == header["circumstances"].keys()
    assert lines[0]["choice"] == {"tile": 4}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_ends_that_disagree_are_resolved_whatever_the_order(order: tuple[int, ...], tmp_path: Path) -> None:
    """A wrong result counts most, then a measurement, then the later end."""
    slower = replace(FAST, time_s=3e-3, samples_s=(3e-3,))
    ends = [
        [record(FAST), record(BROKEN, "2026-11-09T00:00:00Z", 8), record(FAST, tile=16)],
        [record(slower, "2026-11-02T00:00:00Z"), record(FAST, tile=8)],
        [record(BROKEN, "2026-11-03T00:00:00Z"), record(WRONG, "2026-10-01T00:00:00Z", 16)],
        [record(slower, "2026-11-02T00:00:00Z")],
    ]
    paths = [put(tmp_path / f"{number}.sqlite", *ends[number]) for number in order]
    merge_stores(paths, tmp_path / "all.jsonl")
    wanted = [record(FAST, tile=8), record(WRONG, "2026-10-01T00:00:00Z", 16), record(slower, "2026-11-02T00:00:00Z")]
    assert sorted(read_records(tmp_path / "all.jsonl"), key=repr) == sorted(wanted, key=repr)
    for path in paths:
        import_into(tmp_path / "one.sqlite", path)
    assert sorted(records_of(tmp_path / "one.sqlite"), key=repr) == sorted(wanted, key=repr)
    assert import_into(tmp_path / "one.sqlite", tmp_path / "all.jsonl") == Imported(0, 0, 3)


def test_a_file_may_be_merged_into_itself(store: Path, tmp_path: Path) -> None:
    team = tmp_path / "team.jsonl.gz"
    export_store(store, team)
    other = put(tmp_path / "b.sqlite", record())
    assert merge_stores((team, other), team).total.candidates == 5
    assert len(read_records(team)) == 6


def test_what_a_store_holds_is_counted(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "shared.jsonl.gz")
    summary = sum_up(tmp_path / "shared.jsonl.gz")
    assert summary == sum_up(store)
    total, ends, *parts = summary.lines()
    assert total == "4 candidates of 2 dispatches, 1 choice for whole models"
    assert ends.endswith(": 4 Measured, 1 RunFailed")
    assert parts == [
        "cpu, a CPU, local-sync, 1 thread, iree-compile 3.13.0: 3 candidates of 2 dispatches,"
        " 1 choice for whole models",
        "cpu, another CPU, local-sync, 2 threads, iree-compile 3.12.0: 1 candidate of 1 dispatch",
    ]


def test_an_empty_store_is_a_file_too(tmp_path: Path) -> None:
    put(tmp_path / "a.sqlite")
    export_store(tmp_path / "a.sqlite", tmp_path / "none.jsonl.gz")
    assert import_into(tmp_path / "b.sqlite", tmp_path / "none.jsonl.gz") == Imported(0, 0, 0)
    assert sum_up(tmp_path / "b.sqlite").lines() == ["0 candidates of 0 dispatches"]


def changed(line: int, **values: Any) -> Callable[[list[Any]], list[Any]]:
    """A file with other values in a line, the header being line 0; None removes one."""

    def change(lines: list[Any]) -> list[Any]:
        removed = {name for name, value in values.items() if value is None}
        lines[line] = {name: value for name, value in {**lines[line], **values}.items() if name not in removed}
        return lines

    return change


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: lines[:-1], "it holds 4 of 5 records"),
        (lambda lines: [*lines, lines[-1]], "it holds more of 5 records"),
        (lambda lines: lines[:1], "it holds 0 of 5 records"),
        (lambda lines: lines[1:], "is no store, and no file that iree-tune store export wrote"),
        (lambda lines: lines[:0], "is no store, and no file"),
        (lambda lines: [4, *lines], "is no store, and no file"),
        (changed(0, version=1), "is written in version 1 of its form, this iree-tuner reads version 2"),
        (changed(0, form="another"), "is no store, and no file"),
        (changed(0, records="5"), "its header is incomplete"),
        (changed(0, circumstances=[]), "its header is incomplete"),
        (changed(0, circumstances={}), "the header has no circumstances"),
        (changed(1, fate="Melted"), "line 2: 'Melted' is not a valid Fate"),
        (changed(1, fate=None), "line 2: it is no record"),
        (changed(1, more=1), "line 2: it is no record"),
        (changed(1, time_s=-1), "line 2: the time is -1"),
        (changed(1, time_s="fast"), "line 2: the time is fast"),
        (changed(1, samples_s=["fast"]), "line 2: the sample is fast"),
        (changed(1, edge_slowdown=0.5), "is no slowdown"),
        (changed(1, facts=None), "line 2: it is no record"),
        (changed(1, facts={"chip": "sm_90"}), "line 2: BinaryFacts has no 'registers'"),
        (changed(1, facts=to_plain(BinaryFacts("sm_90", registers=-1))), "line 2: the facts of its binary have"),
        (changed(1, point={"tile": "wide"}), "the knobs are no object of whole numbers"),
        (changed(1, ended="yesterday"), "line 2: yesterday is no moment"),
        (changed(1, subject=4), "line 2: 4 is no text"),
        (changed(1, **{"in": ["x"]}), "line 2"),
        (lambda lines: [lines[0], "[" * 100_000], "line 2: it is nested too deeply"),
        (lambda lines: [lines[0], '{"a": NaN}'], "line 2: it holds NaN"),
    ],
)
def test_a_damaged_or_foreign_file_changes_nothing(
    spoil: Callable[[list[Any]], list[Any]], says: str, store: Path, tmp_path: Path
) -> None:
    export_store(store, tmp_path / "shared.jsonl")
    lines = spoil(list(map(json.loads, (tmp_path / "shared.jsonl").read_text().splitlines())))
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (tmp_path / "shared.jsonl").write_text(text)
    target = put(tmp_path / "b.sqlite", record())
    before = target.read_bytes()
    with pytest.raises(InputError) as refusal:
        import_into(target, tmp_path / "shared.jsonl")
    assert says in str(refusal.value)
    assert target.read_bytes() == before
    with pytest.raises(InputError):
        import_into(tmp_path / "new.sqlite", tmp_path / "shared.jsonl")
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize("kept", [2, 5, 20, -9, -1])
def test_a_truncated_file_changes_nothing(kept: int, store: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.jsonl.gz"
    export_store(store, shared)
    shared.write_bytes(shared.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"shared\.jsonl\.gz is damaged"):
        import_into(tmp_path / "new.sqlite", shared)
    assert not (tmp_path / "new.sqlite").exists()


def test_flipped_bits_are_found(store: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.jsonl.gz"
    export_store(store, shared)
    whole = bytearray(shared.read_bytes())
    for place in range(10, len(whole), 7):
        spoilt = whole.copy()
        spoilt[place] ^= 0x10
        shared.write_bytes(spoilt)
        with pytest.raises(InputError):
            read_records(shared)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "nothing cannot be read: No such file or directory"),
        (".", "is a folder; name a file"),
        ("/dev/zero", "is a pipe, a socket or a device"),
        ("notes", "notes is no store, and no file that iree-tune store export wrote"),
        ("notes.gz", "notes.gz is no store, and no file that iree-tune store export wrote"),
        ("other.sqlite", "it is a database of another version or another program"),
    ],
)
def test_what_is_no_store_is_refused(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes").write_text("my notes, kept for years. " * 100)
    Path("notes.gz").write_bytes(gzip.compress(b"my notes, kept for years. " * 100))
    with closing(sqlite3.connect("other.sqlite")) as connection, connection:
        connection.execute("create table mine (x)")
    with pytest.raises(InputError) as refusal:
        sum_up(Path(name))
    assert says in str(refusal.value)


def test_a_bad_row_of_the_store_itself_undoes_the_import(store: Path, tmp_path: Path) -> None:
    target = put(tmp_path / "b.sqlite", *records_of(store)[1:])
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("update evaluations set fate = 'Melted' where fate = 'RunFailed'")
    with pytest.raises(InputError, match=r"b\.sqlite holds a row that no run wrote"):
        import_into(target, store)
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("select count(*) from evaluations").fetchone() == (4,)


def test_control_characters_of_others_are_shown_as_text(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "shared.jsonl")
    text = (tmp_path / "shared.jsonl").read_text()
    (tmp_path / "shared.jsonl").write_text(text.replace("no memory", "\\u001b[2J").replace("a CPU", "\\u001b[2J"))
    assert "\x1b" not in "".join(sum_up(tmp_path / "shared.jsonl").lines())
    assert [each.stored.detail for each in read_records(tmp_path / "shared.jsonl") if each.stored.detail] == [
        "\\x1b[2J"
    ]

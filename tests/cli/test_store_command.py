# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune store`: exporting, importing, merging and showing, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import assert_fails, here
from tuner.outcome import Fate
from tuner.runs.store import Store, Stored, records_of

HERE = {"target": "cpu", "processor": "a CPU", "device": "local-sync", "threads": 1}
FAST = Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3, 2.1e-3))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of two candidates, and another of one, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, tiles in (("a.sqlite", (4, 8)), ("b.sqlite", (16,))):
        with Store(Path(name), HERE, "3.13.0") as store:
            for tile in tiles:
                store.add("a program", {"tile": tile}, FAST, "a problem", {"tile": tile})


def test_a_store_goes_to_somebody_else(capsys: pytest.CaptureFixture[str]) -> None:
    done = here("store", "export", "a.sqlite", "-o", "team.jsonl.gz", output=capsys)
    assert (done.returncode, done.stdout) == (0, "team.jsonl.gz: 2 candidates of 1 dispatch\n")
    for numbers in ("2 new, 0 replaced, 0 known before", "0 new, 0 replaced, 2 known before"):
        done = here("store", "import", "team.jsonl.gz", output=capsys)
        assert (done.returncode, done.stdout) == (0, f"store.sqlite: {numbers}\n")
    assert records_of(Path("store.sqlite")) == records_of(Path("a.sqlite"))
    done = here("store", "import", "team.jsonl.gz", "--store", "b.sqlite", output=capsys)
    assert done.stdout == "b.sqlite: 2 new, 0 replaced, 0 known before\n"


def test_stores_and_files_are_merged_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert here("store", "export", "a.sqlite", "-o", "a.jsonl", output=capsys).returncode == 0
    done = here("store", "merge", "a.jsonl", "b.sqlite", "-o", "a.jsonl", output=capsys)
    assert (done.returncode, done.stdout) == (0, "a.jsonl: 3 candidates of 1 dispatch\n")
    done = here("store", "show", "a.jsonl", output=capsys)
    first, ends, device = done.stdout.splitlines()
    assert first == "a.jsonl: 3 candidates of 1 dispatch"
    assert ends.endswith(": 3 Measured")
    assert device == "cpu, a CPU, local-sync, 1 thread, iree-compile 3.13.0: 3 candidates of 1 dispatch"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("export nothing -o team.jsonl", "nothing cannot be read: No such file or directory"),
        ("export a.sqlite", "Missing option '-o'"),
        ("export a.sqlite -o b.sqlite", "b.sqlite is a database, as stores are; choose another -o"),
        ("export a.sqlite -o nowhere/team.jsonl", "there is no folder nowhere"),
        ("import a.txt", "a.txt is no store, and no file that iree-tune store export wrote"),
        ("import cut.gz", "cut.gz is damaged"),
        ("import b.sqlite --store a.txt", "a.txt cannot be used as a store"),
        ("import b.sqlite --store nowhere/s.sqlite", "nowhere/s.sqlite cannot be used as a store"),
        ("merge -o team.jsonl", "Missing argument 'FILES"),
        ("merge a.sqlite a.txt -o team.jsonl", "a.txt is no store"),
        ("show", "Missing argument 'STORE'"),
        ("show .", "is a folder"),
        ("shwo a.sqlite", "No such command 'shwo'"),
    ],
)
def test_what_does_not_work_is_one_sentence(command: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.txt").write_text("my notes")
    here("store", "export", "a.sqlite", "-o", "whole.gz", output=capsys)
    Path("cut.gz").write_bytes(Path("whole.gz").read_bytes()[:-9])
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert_fails(here("store", *command.split(), output=capsys), 2, says)
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_each_part_takes_debug_and_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("export", "import", "merge", "show"):
        done = here("store", part, "--help", output=capsys)
        assert done.returncode == 0
        assert "--debug" in done.stdout

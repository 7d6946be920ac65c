# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stores that a run only reads: what they hold is known, and they stay as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tuner.errors import InputError
from tuner.options import Options
from tuner.outcome import Fate
from tuner.runs.folder import RunFolder
from tuner.runs.shared import SYSTEM_STORE, check_stores, read_only_stores, written_store
from tuner.runs.store import Store, Stored, records_of

HERE = {"target": "cpu", "threads": 1}
FAST = Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3, 2.1e-3))
SLOW = replace(FAST, time_s=6e-3, speedup=0.5, samples_s=(6e-3,))
# Runs a command with the folder `sealed` mounted read-only.
SEALED = [
    "unshare",
    "-Urm",
    "sh",
    "-euc",
    'mount --bind sealed sealed; mount -o remount,bind,ro sealed; exec "$@"',
    "sh",
]
READ = """
import sys
from pathlib import Path
from tuner.runs.store import records_of
print(len(records_of(Path(sys.argv[1]))))
"""


def filled(path: Path, first: int, last: int, stored: Stored = FAST, compiler: str = "3.13.0") -> Path:
    with Store(path, HERE, compiler) as store:
        for tile in range(first, last):
            store.add("a program", {"tile": tile}, stored, "a problem", {"tile": tile})
    return path


def killed_while_writing(path: Path) -> Path:
    """A store whose process ended without closing it: rows are in the second file, too."""
    code = f"""
import os
from pathlib import Path
from tuner.runs.store import Store, Stored, Fate
store = Store(Path({str(path)!r}), {HERE!r}, "3.13.0")
for tile in range(20):
    knobs = {{"tile": tile}}
    store.add("a program", knobs, Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3,)), "a problem", knobs)
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_others_measured_is_known_and_not_written(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    others = [filled(tmp_path / "others" / "a", 0, 10), filled(tmp_path / "others" / "b", 5, 20, SLOW)]
    before = files_in(tmp_path / "others")
    with Store(filled(tmp_path / "mine", 0, 2, SLOW), HERE, "3.13.0", others) as store:
        # The own store counts first, then the others in their order.
        for tile, known in ((1, SLOW), (2, FAST), (7, FAST), (10, SLOW), (20, None)):
            assert store.find("a program", {"tile": tile}) == known
        store.add("a program", {"tile": 3}, SLOW, "a problem", {"tile": 3})
        assert store.find("a program", {"tile": 3}) == SLOW
        assert len(store.measured("9999")) == 20
        tried = store.tried("a program", "9999")
        assert {point["tile"] for point in tried[:7]} == {2, 4, 5, 6, 7, 8, 9}
        assert len(tried) == 20
        assert store.tried("a program", "2026-01-01T00:00:00Z") == []
    assert len(records_of(tmp_path / "mine")) == 3
    assert files_in(tmp_path / "others") == before


def test_another_compilers_times_are_a_warm_start_there_too(tmp_path: Path) -> None:
    other = filled(tmp_path / "a", 0, 4, compiler="3.12.0")
    with Store(tmp_path / "mine", HERE, "3.13.0", [other]) as store:
        assert store.find("a program", {"tile": 1}) is None
        assert len(store.earlier("a problem")) == len(store.measured("9999")) == 4
    with Store(tmp_path / "mine", {"target": "cpu", "threads": 2}, "3.13.0", [other]) as store:
        assert not store.earlier("a problem")
        assert not store.measured("9999")


def test_a_store_that_is_being_written_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with Store(tmp_path / "a", HERE, "3.13.0") as writer:
        for tile in range(3):
            writer.add("a program", {"tile": tile}, FAST, "a problem", {"tile": tile})
            assert len(records_of(tmp_path / "a")) == len(records_of(tmp_path / "link")) == tile + 1
    assert len(records_of(tmp_path / "a")) == 3


def _write_and_read(path: Path, number: int) -> int:
    filled(path, 50 * number, 50 * number + 50)
    return len(records_of(path))


def test_several_processes_write_while_others_read(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        seen = list(pool.map(_write_and_read, [tmp_path / "a"] * 6, range(6)))
    assert min(seen) >= 50
    assert len(records_of(tmp_path / "a")) == 300


@pytest.mark.runs
@pytest.mark.skipif(
    subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode != 0,
    reason="no file systems can be mounted here",
)
@pytest.mark.parametrize(("name", "code"), [("closed", 0), ("killed", 0), ("half", 1)])
def test_a_store_on_a_read_only_file_system_is_read(name: str, code: int, tmp_path: Path) -> None:
    """Also one whose process was killed, as long as all its files are there."""
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    filled(sealed / "closed", 0, 20)
    killed_while_writing(sealed / "killed")
    killed_while_writing(sealed / "half")
    (sealed / "half-shm").unlink()
    before = files_in(sealed)
    done = subprocess.run(
        [*SEALED, sys.executable, "-c", READ, f"sealed/{name}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout == ("20\n" if code == 0 else "")
    assert code == 0 or "name it once as the --store of a run that may write it" in done.stderr
    assert files_in(sealed) == before


def test_the_systems_store_is_read_beside_those_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, team, systems = (filled(tmp_path / name, 0, 1) for name in ("mine", "team", "systems"))
    monkeypatch.setenv(SYSTEM_STORE, str(systems))
    with RunFolder.create(tmp_path / "run", tmp_path / "model.mlir") as folder:
        assert written_store(Options(), folder) == folder.store
        assert read_only_stores(Options(), folder.store) == (systems,)
        options = Options(store=(mine, team))
        assert written_store(options, folder) == mine
        assert read_only_stores(options, mine) == (team, systems)
        # Whoever fills the system's store writes it.
        assert read_only_stores(Options(store=(systems, team, mine, team)), systems) == (team, mine)
        monkeypatch.setenv(SYSTEM_STORE, "")
        assert read_only_stores(options, mine) == (team,)
    check_stores(options)


@pytest.mark.parametrize(
    ("systems", "named", "says"),
    [
        ("nothing", (), "IREE_TUNER_SYSTEM_STORE names a store that cannot be read: nothing cannot be read: No such"),
        ("notes", (), "IREE_TUNER_SYSTEM_STORE names a store that cannot be read: notes is no store"),
        ("", ("mine", "nothing"), "nothing cannot be read: No such file or directory"),
        ("", ("mine", "."), "is a folder"),
        ("", ("mine", "notes"), "notes is no store"),
        ("", ("mine", "other.sqlite"), "it is a database of another version or another program"),
        ("", ("notes",), "notes cannot be used as a store"),
    ],
)
def test_a_store_that_cannot_be_read_is_refused_before_the_work(
    systems: str, named: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SYSTEM_STORE, systems)
    Path("notes").write_text("my notes, kept for years. " * 100)
    with closing(sqlite3.connect("other.sqlite")) as connection, connection:
        connection.execute("create table mine (x)")
    with pytest.raises(InputError) as refusal:
        check_stores(Options(store=tuple(map(Path, named))))
    assert says in str(refusal.value)
    assert not Path("nothing").exists()


def test_a_row_that_no_run_writes_is_refused_with_the_name_of_its_store(tmp_path: Path) -> None:
    other = filled(tmp_path / "other", 0, 4)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("update evaluations set fate = 'Melted'")
    with pytest.raises(InputError, match="other holds a row that no run wrote"):
        Store(tmp_path / "mine", HERE, "3.13.0", [other])

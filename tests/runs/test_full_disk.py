# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Full disks and read-only folders: one sentence, exit code 2, and what was there is kept.

The file systems are real: small or read-only ones, mounted for one command in a name space of its own.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import samples
from tuner.runs.store import Store

IN_ITS_OWN = ["unshare", "-Urm", "sh", "-euc"]
# Mounts a file system on `place`, fills it by what `before` holds, runs the command, and copies what is left out of it.
SMALL = """
mount -t tmpfs -o size={size} tmpfs place
cp -r before/. place/
{prepare}
set +e; "$@"; code=$?; set -e
mkdir after; cp -r place/. after/
exit $code
"""
SEALED = """
cp -r before/. place/
mount --bind place place
mount -o remount,bind,ro place
exec "$@"
"""
OLDER = "an older spec, and the only copy of it\n"


def can_mount() -> bool:
    try:
        done = subprocess.run([*IN_ITS_OWN, "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


pytestmark = [
    pytest.mark.runs,
    pytest.mark.skipif(not can_mount(), reason="no file systems can be mounted here"),
]


def run(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "model.mlir").write_text(samples.matmul(101, 211, 103))
    for name in ("place", "before"):
        (folder / name).mkdir(exist_ok=True)
    tune = [
        sys.executable,
        "-m",
        "tuner",
        "run",
        "model.mlir",
        "--trials",
        "12",
        "--keep-flags",
        "--allocator",
        "default",
        *arguments,
        "--",
        samples.NO_PEELING,
    ]
    command = [*IN_ITS_OWN, script, "sh", *tune]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=300)


def assert_one_sentence(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 2, done.stderr
    assert re.search(says, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize("size", ["48k", "128k", "384k"])
def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_it_had(size: str, tmp_path: Path) -> None:
    """However far the run comes: the log has whole lines, the store is whole, and the run can be resumed elsewhere."""
    done = run(SMALL.format(size=size, prepare=""), tmp_path, "--run-dir", "place/run", "-o", "spec.mlir")
    assert_one_sentence(done, "(No space left|is full|disk I/O error.*make room)")
    assert not (tmp_path / "spec.mlir").exists()
    left = tmp_path / "after" / "run"
    logged = []
    if (left / "log.jsonl").exists():
        whole = [line for line in (left / "log.jsonl").read_text().splitlines(keepends=True) if line.endswith("\n")]
        logged = [each for each in map(json.loads, whole) if each.get("candidate")]
    if (left / "store.sqlite").exists():
        with sqlite3.connect(left / "store.sqlite") as store:
            assert store.execute("pragma integrity_check").fetchall() == [("ok",)]
            if logged:
                kept = store.execute("select fate, detail from evaluations").fetchall()
                assert len(kept) >= len(logged)
                # A candidate that found no room did not fail.
                assert all(fate == "Measured" for fate, _ in kept), kept


def test_no_room_for_the_spec_keeps_the_older_one(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "spec.mlir").write_text(OLDER)
    fill = "dd if=/dev/zero of=place/filler bs=4k 2>/dev/null || true"
    options = ("-o", "place/spec.mlir", "--run-dir", "run", "--trials", "1", "--workers", "1")
    done = run(SMALL.format(size="64k", prepare=fill), tmp_path, *options)
    assert_one_sentence(done, r"cannot write place/spec\.mlir: No space left")
    assert (tmp_path / "after" / "spec.mlir").read_text() == OLDER
    assert {path.name for path in (tmp_path / "after").iterdir()} == {"spec.mlir", "filler"}
    # The run itself has ended: its folder holds the spec.
    assert "func" in (tmp_path / "run" / "spec.mlir").read_text() or (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--run-dir", "place/run"), "cannot make the run's folder place/run: Read-only file system"),
        (("--run-dir", "place"), "cannot write into place"),
        (("--run-dir", "run", "-o", "place/spec.mlir"), r"cannot write place/spec\.mlir: Read-only file system"),
        (("--run-dir", "run", "--store", "place/new.sqlite"), r"place/new\.sqlite cannot be used as a store"),
        (("--run-dir", "run", "--store", "place/store.sqlite"), r"place/store\.sqlite cannot be used as a store"),
        (("--run-dir", "place/old", "--resume"), "cannot write into place/old"),
    ],
)
def test_read_only_folders_are_refused_before_the_work(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    before = tmp_path / "before"
    (before / "old").mkdir(parents=True)
    (before / "spec.mlir").write_text(OLDER)
    (before / "old" / "command.json").write_text("{}")
    (before / "old" / "log.jsonl").write_text('{"dispatch": "d"}\n')
    with Store(before / "store.sqlite", {}, ""):
        pass
    done = run(SEALED, tmp_path, *arguments)
    assert_one_sentence(done, says)
    kept = {
        str(path.relative_to(tmp_path / "place")): path for path in (tmp_path / "place").rglob("*") if path.is_file()
    }
    assert set(kept) == {"spec.mlir", "store.sqlite", "old/command.json", "old/log.jsonl"}
    assert all(path.read_bytes() == (before / name).read_bytes() for name, path in kept.items())

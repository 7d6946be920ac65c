# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Signals, streams that take nothing, a working folder that goes, releases that are not supported: a sentence each."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import faults
import samples
import tuner

pytestmark = pytest.mark.runs

RUN = ("run", "model.mlir", "-o", "spec.mlir", "--keep-flags", "--run-dir", "run")
# Of a model with nothing to tune a run comes soon to its end.
IDENTITY = "func.func @same(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }"
ALONE, GROUP = os.kill, os.killpg
REFUSED = "iree-tune: stdout cannot be written"
NO_FOLDER = "iree-tune: the working folder was removed; change to one that exists and start again"


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.mlir").write_text(samples.matmul(48, 32, 64))
    return folder


def in_shell(script: str, *arguments: str, cwd: Path, python: tuple[str, ...] = (), **environment: str) -> list[str]:
    """The exit code that a script of bash comes to, and the lines that it leaves on stderr. "$@" is `iree-tune`."""
    command = ["bash", "-c", script, "bash", sys.executable, *python, "-m", "tuner", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120, env={**os.environ, **environment}
    )
    return [str(done.returncode), *done.stderr.splitlines()]


def living(group: int) -> int:
    """How many processes of the group do something; those that have ended, unasked for, are not counted."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found += os.getpgid(int(folder.name)) == group and bool((folder / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("arguments", "number", "send", "times", "processes"),
    [
        pytest.param(RUN, signal.SIGTERM, ALONE, 1, 5, id="SIGTERM to a run"),
        pytest.param(RUN, signal.SIGHUP, GROUP, 2, 3, id="SIGHUP twice to the group of a run that starts"),
        pytest.param(RUN, signal.SIGTERM, GROUP, 2, 2, id="SIGTERM twice to the group while a process is spawned"),
        pytest.param(("list", "model.mlir"), signal.SIGTERM, GROUP, 1, 3, id="SIGTERM to the group of a list"),
        pytest.param(("doctor",), signal.SIGHUP, GROUP, 1, 3, id="SIGHUP to the group of a doctor"),
    ],
)
def test_a_signal_ends_everything_in_one_sentence(
    arguments: tuple[str, ...],
    number: signal.Signals,
    send: Callable[[int, int], None],
    times: int,
    processes: int,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with faults.started(*arguments, cwd=folder) as process:
        while living(process.pid) < processes and process.poll() is None:
            time.sleep(0.002)
        for _ in range(times):
            send(process.pid, number)
            time.sleep(0.02)
        _, stderr = process.communicate(timeout=30)
        deadline = time.monotonic() + 10
        while living(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert living(process.pid) == 0
    assert process.returncode == 128 + number, stderr
    said = f"iree-tune: ended by {number.name}"
    # A run whose folder is not made yet has nothing to continue.
    left = "what was measured is kept" if [*folder.rglob("log.jsonl")] else "nothing was measured yet"
    kept = f"; {left}, continue with: {shlex.join(('iree-tune', *RUN))} --resume"
    assert stderr.strip() in ((said, f"{said}{kept}") if arguments is RUN else (said,))
    assert list(temporary.iterdir()) == list(folder.rglob("iree-tuner-*")) == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param('"$@" | head -1 >printed; exit ${PIPESTATUS[0]}', id="a reader that goes"),
        pytest.param('"$@" --json >&-', id="closed"),
    ],
)
def test_a_run_that_nobody_listens_to_goes_on_to_its_spec(script: str, folder: Path) -> None:
    (folder / "model.mlir").write_text(IDENTITY)
    code, *said = in_shell(script, *RUN, cwd=folder)
    assert code == "0", said
    assert said[-1].startswith(REFUSED)
    assert (folder / "spec.mlir").read_text().startswith("//")


@pytest.mark.parametrize(
    ("script", "arguments", "code", "says"),
    [
        ('"$@" >/dev/full', ("plugin-path",), "2", f"{REFUSED} (No space left on device); send it elsewhere"),
        ('"$@" >&-', ("plugin-path",), "2", f"{REFUSED} (it is closed); send it elsewhere"),
        ('"$@" >&- 2>&- <&-', ("plugin-path",), "2", ""),
        ('"$@" 2>/dev/full', ("list", "nothing.mlir"), "2", ""),
        # What nobody reads any more was read as far as it was wanted.
        ('"$@" | true; exit ${PIPESTATUS[0]}', ("plugin-path",), "0", ""),
        ('"$@" --json >&-', RUN[:2], "2", "iree-tune: events cannot be written to stdout (it is closed); send it"),
        ('rmdir ../gone; "$@"', ("doctor",), "2", NO_FOLDER),
        ('rmdir ../gone; "$@"', ("run", "model.mlir"), "2", NO_FOLDER),
        ('rmdir ../gone; "$@"', ("list", "model.mlir"), "2", NO_FOLDER),
    ],
)
def test_what_cannot_be_done_is_said(
    script: str, arguments: tuple[str, ...], code: str, says: str, folder: Path, tmp_path: Path
) -> None:
    if "gone" in script:
        folder = tmp_path / "gone"
        folder.mkdir()
    ended, *said = in_shell(script, *arguments, cwd=folder)
    assert ended == code, said
    assert [line.startswith(says) for line in said if line.startswith("iree-tune: ")] == [True] * bool(says)


@pytest.mark.parametrize("command", ["run", "list"])
def test_a_working_folder_that_is_removed_meanwhile_is_said(command: str, folder: Path) -> None:
    with faults.started(command, "model.mlir", cwd=folder) as process:
        while living(process.pid) < 3 and process.poll() is None:
            time.sleep(0.002)
        shutil.rmtree(folder)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2, stderr
    assert stderr.splitlines()[-1] == NO_FOLDER


def pretend(folder: Path, versions: Mapping[str, str]) -> str:
    """A place for modules where IREE's packages are of these versions, as far as their metadata goes."""
    for name, version in versions.items():
        described = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return os.pathsep.join([str(folder), str(Path(tuner.__file__).parents[1])])


def without_iree(folder: Path) -> str:
    """A place for modules where everything is but IREE."""
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(place).iterdir():
            if not entry.name.startswith(("iree_base_", "iree.")) and entry.name not in ("iree", "tuner"):
                (folder / entry.name).symlink_to(entry)
    (folder / "tuner").symlink_to(Path(tuner.__file__).parent)
    return str(folder)


COMPILER, RUNTIME = "iree-base-compiler", "iree-base-runtime"
SUPPORTED = {each.name: each.specifier for each in map(Requirement, requires("iree-tuner") or ())}


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ({COMPILER: "3.11.0", RUNTIME: "3.11.0"}, f"{COMPILER}: 3.11.0, and {SUPPORTED[COMPILER]} is needed"),
        ({RUNTIME: "99.0.0"}, "of different releases"),
        ({COMPILER: "3.12.0", RUNTIME: "3.13.0"}, f"pip install {COMPILER}==3.12.0 {RUNTIME}==3.12.0"),
        ({}, f"pip install '{COMPILER}~="),
    ],
    ids=["older", "newer", "different", "missing"],
)
def test_releases_of_iree_that_are_not_supported_are_said_first(
    versions: dict[str, str], says: str, folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    modules = pretend(place, versions) if versions else without_iree(place)
    python = () if versions else ("-S",)
    code, *said = in_shell('"$@"', "run", "model.mlir", cwd=folder, python=python, PYTHONPATH=modules)
    assert (code, len(said)) == ("2", 1), said
    assert says in said[0]
    # What needs no certain release works all the same.
    for arguments in (("run", "--help"), ("plugin-path",))[: 1 + bool(versions)]:
        assert in_shell('"$@"', *arguments, cwd=folder, python=python, PYTHONPATH=modules) == ["0"]


def test_a_release_that_is_newer_than_tested_gets_a_note(folder: Path, tmp_path: Path) -> None:
    modules = pretend(tmp_path, {COMPILER: "99.0.0", RUNTIME: "99.0.0"})
    code, note, error = in_shell('"$@"', "list", "nothing.mlir", cwd=folder, PYTHONPATH=modules)
    assert (code, error) == ("2", "iree-tune: there is no model file nothing.mlir; check the path")
    assert re.fullmatch(rf"iree-tune: note: {COMPILER}: 99\.0\.0, newer than .*; {RUNTIME}: 99.0.0, newer .*", note)


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        (("--debug", "list", "nothing.mlir"), True),
        (("list", "nothing.mlir", "--debug"), True),
        (("list", "nothing.mlir", "--", "--debug"), False),
    ],
)
def test_a_traceback_is_shown_where_it_is_asked_for(arguments: tuple[str, ...], shows: bool, folder: Path) -> None:
    _, *said = in_shell('"$@"', *arguments, cwd=folder)
    assert ("Traceback (most recent call last):" in said) == shows
    assert "there is no model file nothing.mlir" in said[-1]

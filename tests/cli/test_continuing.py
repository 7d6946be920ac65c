# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run that did not come to its end prints the command that continues it."""

from __future__ import annotations

import errno
import shlex
import signal
from pathlib import Path

import pytest

from tuner.cli import _failed, _interrupted
from tuner.cli.continuing import Continuation, continued
from tuner.errors import DeviceLostError, InputError, ToolError, TunerError
from tuner.events import RunStarted
from tuner.runs.folder import RunFolder

COMMAND = ("run", "a model.mlir", "--trials", "50", "--", "--iree-opt-level=O2")
AGAIN = "continue with: iree-tune run 'a model.mlir' --trials 50 --run-dir run --resume -- --iree-opt-level=O2"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("run m.mlir", "run m.mlir --run-dir run --resume"),
        ("run --run-dir elsewhere m.mlir", "run m.mlir --run-dir run --resume"),
        ("run m.mlir --run-dir=elsewhere --resume", "run m.mlir --run-dir run --resume"),
        ("-v run m.mlir -o s.mlir -- --run-dir x", "-v run m.mlir -o s.mlir --run-dir run --resume -- --run-dir x"),
    ],
)
def test_the_command_has_the_folder_once(words: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert continued(words.split(), Path("/run")) == ["iree-tune", *command.split()]
    assert continued(["run", "m"], Path("/run/1"))[-2:] == ["run/1", "--resume"]
    monkeypatch.chdir("/tmp")
    assert continued(["run", "m"], Path("/run"))[-2:] == ["/run", "--resume"]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Continuation:
    """Of a run that has measured something."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").write_text("{}\n")
    started = Continuation(COMMAND)
    started(RunStarted(tmp_path / "run"))
    return started


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ToolError("iree-compile hangs"), 1),
        (DeviceLostError("the device is lost"), 1),
        (InputError("the store is full"), 2),
        (OSError(errno.ENOSPC, "no space", "log.jsonl"), 2),
        (ValueError("what nobody expected"), 1),
    ],
)
def test_a_failure_of_a_run_that_measured_prints_it(
    error: Exception, code: int, started: Continuation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _failed(error, started) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(AGAIN)
    assert shlex.split(line.split("continue with: iree-tune ")[1])[:2] == ["run", "a model.mlir"]


def test_a_failure_before_anything_was_measured_does_not(
    started: Continuation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "log.jsonl").unlink()
    assert _failed(InputError("the model is empty"), started) == 2
    assert _failed(InputError("the model is empty"), Continuation(COMMAND)) == 2
    assert "continue" not in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_prints_it(
    number: signal.Signals, started: Continuation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _interrupted(number, started) == 128 + number
    assert _interrupted(number, Continuation(COMMAND)) == 128 + number
    with_run, without = capsys.readouterr().err.splitlines()
    assert with_run.endswith(AGAIN)
    assert "continue" not in without


def of_a_new_run(*names: str) -> Continuation:
    """Of a run that made its folder in `.iree-tuner`, with these files in it."""
    with RunFolder.create(None, Path("model.mlir")) as folder:
        for name in names:
            (folder.path / name).write_text(name)
    started = Continuation(COMMAND)
    started(RunStarted(folder.path))
    return started


def test_an_unusable_model_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _failed(InputError("the model is empty"), of_a_new_run("measuring.log")) == 2
    assert list((tmp_path / ".iree-tuner").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (InputError("the store is full"), ("log.jsonl",)),
        (InputError("the model is empty"), ("thesis.txt",)),
        (ToolError("iree-compile crashed"), ("measuring.log",)),
    ],
)
def test_a_folder_with_anything_of_worth_stays(
    error: TunerError, names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started = of_a_new_run(*names)
    assert started.folder is not None
    _failed(error, started)
    assert [name for name in names if not (started.folder / name).exists()] == []
    named = of_a_new_run("measuring.log")
    _failed(InputError(f"see {named.folder}/measuring.log"), named)
    assert named.folder is not None
    assert (named.folder / "measuring.log").exists()


def test_a_folder_that_the_user_named_stays(started: Continuation, tmp_path: Path) -> None:
    (tmp_path / "run" / "log.jsonl").unlink()
    _failed(InputError("the model is empty"), started)
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("named", [False, True])
def test_a_folder_that_the_command_names_is_never_removed(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is resumed has no log until it measures, and all that was measured before."""
    monkeypatch.chdir(tmp_path)
    with RunFolder.create(None, Path("a model.mlir")) as folder:
        folder.store.write_text("")
    words = ("--run-dir", str(folder.path), "--resume") if named else ()
    started = Continuation((*COMMAND[:2], *words))
    started(RunStarted(folder.path))
    started.forget_unused("the model compiles but cannot be run")
    assert folder.store.exists() == named

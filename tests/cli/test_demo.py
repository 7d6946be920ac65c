# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune demo`: a short one from the first to the last line, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from tuner.cli.demo import demo
from tuner.cli.streams import console
from tuner.demo.page import print_demonstration, print_title
from tuner.demo.running import demonstrate
from tuner.demo.settings import Demo, make_folder
from tuner.errors import InputError
from tuner.terminal.progress import ProgressView

# No tile divides a prime: the default is many times too slow, and nearly every candidate is faster.
PRIME = 509


def test_what_a_user_made_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine", "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="mine has files in it"):
        demo.main(["-o", "mine"], standalone_mode=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["--trials", "0"], ["--seed", "-1"], ["--size", "3"], ["--trials", "few"]])
def test_numbers_have_bounds(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.BadParameter):
        demo.main(arguments, standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.measures
def test_a_short_demo_shows_a_gain_by_plain_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings, terminal = Demo(Path("here"), trials=1, size=PRIME, rounds=1), console()
    make_folder(settings.folder)
    print_title(settings, terminal)
    with ProgressView(terminal) as view:
        shown = demonstrate(settings, view)
    print_demonstration(shown, terminal)
    text = capfd.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert {path.name for path in Path("here").iterdir()} == {
        *("default.vmfb", "matvec_509.mlir", "probe.mlir", "probe.vmfb", "run", "spec.mlir", "tuned.vmfb")
    }
    assert "x by iree-benchmark-module" in text
    assert "it makes the binary that was proved, byte for byte" in text
    result = json.loads(Path("here/run/result.json").read_text())
    proved = result["dispatches"][0]["final"]["ratio"]["value"]
    assert f"{proved:.2f}x [" in text
    assert Path("here/tuned.vmfb").read_bytes() != Path("here/default.vmfb").read_bytes()

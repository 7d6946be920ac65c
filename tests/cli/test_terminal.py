# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a user sees on a real terminal of 80 columns, and colours there and elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import samples
from tuner.cli.streams import console
from tuner.cli.verbosity import common_options
from tuner.terminal.lines import new_table

WIDTH = 80
# What starts a colour or bold text; what moves a cursor ends otherwise.
STYLE = re.compile(r"\x1b\[[\d;]*m")
CONTROL = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")
PROGRAM = (sys.executable, "-m", "tuner")


def on_terminal(*arguments: str, cwd: Path) -> str:
    """What a command writes on a terminal of 80 columns, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    with subprocess.Popen([*PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd):
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 65536):
                written += block
        except OSError:  # the end of a terminal
            pass
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def test_a_sentence_breaks_between_words_and_a_path_never(tmp_path: Path) -> None:
    path = "a-folder-of-models/" * 5 + "model.mlir"
    lines = CONTROL.sub("", on_terminal("run", path, cwd=tmp_path)).strip().split("\n")
    assert " ".join(lines) == f"iree-tune: there is no model file {path}; check the path"
    assert all(len(line) <= WIDTH or line == f"{path};" for line in lines)


@pytest.mark.runs
def test_a_table_folds_names_between_words(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(128, 1024, 512))
    written = on_terminal("list", "model.mlir", "--color", "never", cwd=tmp_path)
    assert not STYLE.search(written)
    lines = CONTROL.sub("", written).split("\n")
    assert any("128x512x1024" in line or "128x1024x512" in line for line in lines)
    assert all(len(line) <= WIDTH for line in lines[-6:])


@click.command(params=common_options())
def _table() -> None:
    shown = console()
    table = new_table(shown, None, ("dispatch",), ("one run",))
    table.add_row("matmul 128x1024x512 f32", "1.28 ms")
    shown.print(table)


@pytest.mark.parametrize(
    ("arguments", "environment", "is_colourful"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_elsewhere_change_nothing_else(
    arguments: list[str], environment: dict[str, str], is_colourful: bool
) -> None:
    given = {"FORCE_COLOR": "", "NO_COLOR": "", **environment}
    written = CliRunner(env=given).invoke(_table, arguments, color=True, catch_exceptions=False).stdout
    assert bool(STYLE.search(written)) == is_colourful
    assert STYLE.sub("", written) == CliRunner().invoke(_table, ["--color", "never"]).stdout

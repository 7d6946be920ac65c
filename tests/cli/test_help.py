# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The help of every command, what the shell completes, and the options that all commands take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from commands import assert_fails, here
from tuner import plugins
from tuner.cli import app

COMMANDS = plugins.names("tuner.commands")


def help_of(*words: str, output: pytest.CaptureFixture[str]) -> str:
    shown = here(*words, "--help", output=output)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_short_summary_and_examples(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    listed = help_of(output=capfd)
    (summary,) = re.findall(rf"^  {command} +(\S.*)$", listed, re.MULTILINE)
    assert summary.endswith(".")
    assert not summary.endswith("...")
    shown = help_of(command, output=capfd)
    examples = shown.split("Examples:\n")[1].strip().splitlines()
    assert examples
    assert all(f"iree-tune {command}" in example for example in examples)
    assert max(map(len, shown.splitlines())) <= 80


def test_the_options_of_a_run_are_grouped_and_their_choices_listed(capfd: pytest.CaptureFixture[str]) -> None:
    shown = help_of("run", output=capfd)
    titles = re.findall(r"^(\w[\w ]*):$", shown, re.MULTILINE)
    assert titles == ["Model", "Search", "Whole model", "Files", "Machines", "Output", "Other options", "Examples"]
    for group, option in (("tuner.strategies", "strategy"), ("tuner.targets", "target")):
        assert f"--{option} [{'|'.join(plugins.names(group))}]" in shown


@pytest.mark.parametrize(
    ("words", "typed", "completed"),
    [
        (["run", "--strategy"], "", plugins.names("tuner.strategies")),
        (["run", "--target"], "cu", ("cuda",)),
        (["list", "--target"], "", plugins.names("tuner.targets")),
        (["run", "--space"], "cpu-m", ("cpu-mmt4d",)),
        (["run", "--allocator"], "", ("auto", "default", "caching")),
        ([], "re", ("report",)),
    ],
)
def test_the_shell_completes_names(words: list[str], typed: str, completed: tuple[str, ...]) -> None:
    found = ShellComplete(app, {}, "iree-tune", "_IREE_TUNE_COMPLETE").get_completions(words, typed)
    assert [item.value for item in found] == list(completed)


def test_the_program_answers_the_shell() -> None:
    """As the line in the docs sets it up."""
    asked = {"_IREE_TUNE_COMPLETE": "bash_complete", "COMP_WORDS": "iree-tune run --strategy ", "COMP_CWORD": "3"}
    command = [sys.executable, "-m", "tuner"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **asked}, timeout=60)
    assert done.stdout.splitlines() == [f"plain,{name}" for name in plugins.names("tuner.strategies")], done.stderr


@pytest.mark.parametrize(
    "words", [("-v", "-q", "list", "x"), ("list", "-v", "-q", "x"), ("-v", "list", "--quiet", "x")]
)
def test_how_much_is_shown_is_said_once(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    assert_fails(here(*words, output=capfd), 2, "--verbose and --quiet exclude each other")


@pytest.mark.parametrize("words", [("{}", "list", "x.mlir"), ("list", "{}", "x.mlir"), ("list", "x.mlir", "{}")])
@pytest.mark.parametrize("option", ["-v", "-q", "--verbose", "--quiet"])
def test_options_of_all_commands_stand_before_and_after_the_name(
    words: tuple[str, ...], option: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert_fails(here(*(word.format(option) for word in words), output=capfd), 2, "there is no model file x.mlir")


@pytest.mark.parametrize("words", [("--debug", "list", "x.mlir"), ("list", "x.mlir", "--debug")])
def test_debug_shows_where_an_error_comes_from(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="there is no model file"):
        here(*words, output=capfd)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rn",), "No such command 'rn'. Did you mean run\\?"),
        (("reprot",), "Did you mean report\\?"),
        (("run",), "Missing argument 'MODEL'. \\(iree-tune run --help"),
        (("run", "m.mlir", "--traget", "cpu"), "Did you mean.*--target"),
        (("run", "m.mlir", "--compile-timeout", "long"), "--compile-timeout takes a duration"),
        (("clean", "--older-than", "week"), "--older-than takes a duration"),
    ],
)
def test_bad_usage_says_what_is_right(words: tuple[str, ...], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert_fails(here(*words, output=capfd), 2, says)


def test_a_group_of_another_package_gets_the_common_options(tmp_path: Path) -> None:
    """A registered command may have commands of its own."""
    from tuner.cli import _prepare

    seen: list[Path] = []

    @click.group()
    def files() -> None:
        pass

    @files.command()
    @click.argument("path", type=click.Path(path_type=Path))
    def show(path: Path) -> None:
        seen.append(path)

    _prepare("clean", files)
    assert files(["show", "-v", str(tmp_path)], standalone_mode=False) == 0
    assert seen == [tmp_path]

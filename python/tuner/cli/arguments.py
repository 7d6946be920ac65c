# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tuner.cli.help import option
from tuner.cli.values import fixed, registered, seconds_or_bare
from tuner.errors import InputError
from tuner.options import Options
from tuner.problems import write_list
from tuner.runs.folder import RUNS

DEFAULTS = Options()
# The title of the options that say what MODEL is.
MODEL = "Model"
TARGET = registered("tuner.targets", "[:CHIP]")

Command = TypeVar("Command", bound=Callable[..., Any])


def model_argument(command: Command) -> Command:
    """The argument MODEL, a path."""
    return click.argument("model", type=click.Path(path_type=Path))(command)


def optional_model_argument(command: Command) -> Command:
    """The argument MODEL, a path that an option may replace."""
    return click.argument("model", type=click.Path(path_type=Path), required=False)(command)


def problem_option(command: Command) -> Command:
    """--problem, in place of MODEL."""
    return option(
        "--problem",
        "problems",
        multiple=True,
        metavar="TEXT",
        help="Tune this op in place of MODEL, as in 'conv 2x32x32x1280->1280 3x3 f16' (repeatable).",
        group=MODEL,
    )(command)


def model_or_problems(
    model: Path | None, problems: Sequence[str], flags: tuple[str, ...]
) -> tuple[Path, tuple[str, ...]]:
    """The model, or a list that is made of the problems, and the flags of iree-compile. Raises InputError."""
    if not problems:
        if model is None:
            raise click.MissingParameter(param_hint="'MODEL'", param_type="argument")
        return model, flags
    if model is not None:
        # Without MODEL the first flag after `--` takes its place.
        if not str(model).startswith("-"):
            raise InputError(f"--problem takes the place of MODEL; leave out {model} or the problems")
        flags = (str(model), *flags)
    return write_list(problems, RUNS / "problems"), flags


def compiler_flags(command: Command) -> Command:
    """Flags of iree-compile, after `--`. Put this below the other arguments."""
    return click.argument("flags", nargs=-1, type=click.UNPROCESSED)(command)


def target_options(command: Command) -> Command:
    """--target and --threads."""
    target = option(
        "--target",
        **TARGET,
        default=DEFAULTS.target,
        show_default=True,
        help="The device to compile for, as in cpu or cuda:sm_80.",
        group=MODEL,
    )
    return _all(command, target, _THREADS)


def several_targets_options(command: Command) -> Command:
    """As `target_options`, for a command that takes several targets."""
    targets = option(
        "--target",
        "targets",
        **TARGET,
        multiple=True,
        default=(DEFAULTS.target,),
        show_default=True,
        help="The device to compile for, as in cpu or cuda:sm_80 (repeatable with --no-measure: a bundle for each).",
        group=MODEL,
    )
    return _all(command, targets, _THREADS)


_THREADS = option(
    "--threads",
    metavar="N",
    default=DEFAULTS.threads,
    show_default=True,
    help="Threads that run a dispatch.",
    group=MODEL,
)


def shape_options(command: Command) -> Command:
    """--dim and --input, which bind the sizes that a model leaves open."""
    return _all(
        command,
        option(
            "--dim",
            "dims",
            multiple=True,
            metavar="NAME=SIZE",
            help="Size of an open dimension of MODEL (repeatable).",
            group=MODEL,
        ),
        option(
            "--input",
            "inputs",
            multiple=True,
            metavar="SHAPE",
            help="Shape of MODEL's next input, as in 1x3x48x320xf32 (repeatable).",
            group=MODEL,
        ),
    )


def fix_option(group: str = "") -> Callable[[Command], Command]:
    """--fix, for a command that solves spaces."""
    return option(
        "--fix",
        "fixes",
        multiple=True,
        callback=fixed,
        metavar="[SPACE:]KNOB=VALUE[,VALUE...]",
        help="Try only candidates with one of these values of a knob that `iree-tune space` lists (repeatable).",
        group=group,
    )


def compile_timeout_option(group: str = "") -> Callable[[Command], Command]:
    """--compile-timeout."""
    return option(
        "--compile-timeout",
        "compile_timeout_s",
        callback=seconds_or_bare,
        metavar="TIME",
        default=f"{DEFAULTS.compile_timeout_s:.0f}s",
        show_default=True,
        help="Longest time for compiling one candidate, as in 90s.",
        group=group,
    )


def _all(command: Command, *decorators: Callable[[Command], Command]) -> Command:
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def split_flags(words: Sequence[str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Files, and flags of iree-compile, from arguments that hold both."""
    return (
        tuple(Path(word) for word in words if not word.startswith("-")),
        tuple(word for word in words if word.startswith("-")),
    )

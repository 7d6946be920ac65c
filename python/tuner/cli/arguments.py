# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tuner.cli.help import option
from tuner.cli.values import registered, seconds_or_bare
from tuner.options import Options

DEFAULTS = Options()
# The title of the options that say what MODEL is.
MODEL = "Model"
TARGET = registered("tuner.targets", "[:CHIP]")

Command = TypeVar("Command", bound=Callable[..., Any])


def model_argument(command: Command) -> Command:
    """The argument MODEL, a path."""
    return click.argument("model", type=click.Path(path_type=Path))(command)


def compiler_flags(command: Command) -> Command:
    """Flags of iree-compile, after `--`. Put this below the other arguments."""
    return click.argument("flags", nargs=-1, type=click.UNPROCESSED)(command)


def target_options(command: Command) -> Command:
    """--target and --threads."""
    return _all(
        command,
        option(
            "--target",
            **TARGET,
            default=DEFAULTS.target,
            show_default=True,
            help="The device to compile for, as in cpu or cuda:sm_80.",
            group=MODEL,
        ),
        option(
            "--threads",
            metavar="N",
            default=DEFAULTS.threads,
            show_default=True,
            help="Threads that run a dispatch.",
            group=MODEL,
        ),
    )


def shape_options(command: Command) -> Command:
    """--dim and --input, which bind the sizes that an ONNX model leaves open."""
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

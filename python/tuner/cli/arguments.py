# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tuner.options import Options

DEFAULTS = Options()

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
        click.option(
            "--target", default=DEFAULTS.target, show_default=True, help="The device, as in cpu or cuda:sm_80."
        ),
        click.option("--threads", default=DEFAULTS.threads, show_default=True, help="Threads that run a dispatch."),
    )


def shape_options(command: Command) -> Command:
    """--dim and --input, which bind the sizes that an ONNX model leaves open."""
    return _all(
        command,
        click.option(
            "--dim", "dims", multiple=True, metavar="NAME=SIZE", help="Size of an open dimension of MODEL (repeatable)."
        ),
        click.option(
            "--input",
            "inputs",
            multiple=True,
            metavar="SHAPE",
            help="Shape of MODEL's next input, as in 1x3x48x320xf32 (repeatable).",
        ),
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

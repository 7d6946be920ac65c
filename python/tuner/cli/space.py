# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune space`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import compiler_flags, model_argument, shape_options, target_options
from tuner.model.onnx import Shapes


@click.command()
@model_argument
@compiler_flags
@target_options
@shape_options
def space(
    model: Path, flags: tuple[str, ...], target: str, threads: int, dims: tuple[str, ...], inputs: tuple[str, ...]
) -> None:
    """Print what may be chosen for each dispatch of MODEL: knobs, number of solutions, or why there are none.

    Flags of iree-compile can follow after `--`.
    """
    from tuner.preview.spaces import describe_spaces

    for description in describe_spaces(model, target, threads, flags, Shapes.parse(dims, inputs)):
        click.echo("\n".join(description.lines()))

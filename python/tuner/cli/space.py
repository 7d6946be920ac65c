# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune space`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import compiler_flags, fix_option, model_argument, shape_options, target_options
from tuner.cli.help import command
from tuner.cli.streams import console
from tuner.cli.values import registered
from tuner.cli.verbosity import progress_view
from tuner.model.shapes import Shapes
from tuner.options import Options


@command(
    "space",
    summary="Print the knobs of each dispatch.",
    examples=("iree-tune space model.mlir", "iree-tune space model.mlir --target cuda:sm_80"),
)
@model_argument
@compiler_flags
@target_options
@shape_options
@click.option(
    "--space",
    "spaces",
    multiple=True,
    **{**registered("tuner.spaces"), "metavar": "NAME"},
    help="This space instead of the one that a run searches; NAME+NAME for both as one (repeatable).",
)
@click.option(
    "--smtlib",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for each space as SMT-LIB text, which solvers read: DISPATCH.smt2.",
)
@fix_option()
def space(
    model: Path,
    flags: tuple[str, ...],
    target: str,
    threads: int,
    dims: tuple[str, ...],
    inputs: tuple[str, ...],
    spaces: tuple[str, ...],
    folder: Path | None,
    fixes: dict[str, tuple[int, ...]],
) -> None:
    """Print the space of each dispatch of MODEL: its knobs and number of solutions, or why it has none.

    Flags of iree-compile can follow after `--`.
    """
    from tuner.preview.spaces import describe_spaces, write_texts

    options = Options(
        target=target,
        threads=threads,
        flags=flags,
        shapes=Shapes.parse(dims, inputs),
        spaces=spaces,
        fixes=fixes,
    )
    with progress_view(console(stderr=True)) as view:
        descriptions = describe_spaces(model, options, view)
    for description in descriptions:
        click.echo("\n".join(description.lines()))
    if folder is not None:
        for path in write_texts(descriptions, folder):
            click.echo(path)

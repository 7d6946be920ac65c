# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune compile`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import model_argument, shape_options, split_flags, target_options
from tuner.model.onnx import Shapes


@click.command("compile")
@model_argument
@click.argument("specs", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the binary goes.")
@target_options
@shape_options
def compile_(
    model: Path,
    specs: tuple[str, ...],
    output: Path,
    target: str,
    threads: int,
    dims: tuple[str, ...],
    inputs: tuple[str, ...],
) -> None:
    """Compile MODEL with SPECS: one that plain iree-compile reads, one of late entries, or both.

    A spec is code that the compiler runs: load only those that you trust. Flags of iree-compile can follow after `--`.
    """
    from tuner.compile.late import compile_with_specs

    paths, flags = split_flags(specs)
    shapes = Shapes.parse(dims, inputs)
    for entry in compile_with_specs(model, paths, output, target, threads, flags, shapes):
        where = ", ".join(entry.dispatches) or "no dispatch of this model"
        click.echo(f"{entry.label}: applied to {where}", err=not entry.dispatches)

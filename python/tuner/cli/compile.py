# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune compile`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import model_argument, shape_options, split_flags, target_options
from tuner.cli.help import command, option
from tuner.cli.streams import console, echo
from tuner.cli.verbosity import progress_view
from tuner.model.shapes import Shapes
from tuner.options import Options


@command(
    "compile",
    summary="Compile a model with specs, late ones too.",
    examples=("iree-tune compile model.mlir spec.mlir spec.late.mlir -o model.vmfb",),
)
@model_argument
@click.argument("specs", nargs=-1, required=True)
@option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the binary goes.")
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
    from tuner.compile.specified import compile_with_specs

    paths, flags = split_flags(specs)
    options = Options(target=target, threads=threads, flags=flags, shapes=Shapes.parse(dims, inputs))
    with progress_view(console(stderr=True)) as view:
        entries = compile_with_specs(model, paths, output, options, view)
    for entry in entries:
        where = ", ".join(entry.dispatches) or "no dispatch of this model"
        echo(f"{entry.label}: applied to {where}", err=not entry.dispatches)

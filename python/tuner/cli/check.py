# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune check`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import model_argument, shape_options, split_flags
from tuner.cli.streams import console
from tuner.errors import DeviceLostError
from tuner.model.onnx import Shapes
from tuner.targets import Allocator


@click.command()
@model_argument
@click.argument("specs", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where a refreshed spec goes.")
@click.option("--target", help="The device, as in cpu or cuda:sm_80.  [default: that of the specs]")
@click.option("--threads", type=int, help="Threads that run a dispatch.  [default: those of the specs]")
@click.option(
    "--allocator",
    type=click.Choice(["default", "caching"]),
    help="What the whole model finds its transient buffers with.  [default: that of the specs]",
)
@shape_options
@click.option("--function", default="", metavar="NAME", help="The model's entry, if it has several functions.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Folder of the check's logs and binaries.")
def check(
    model: Path,
    specs: tuple[str, ...],
    output: Path | None,
    target: str | None,
    threads: int | None,
    allocator: Allocator | None,
    dims: tuple[str, ...],
    inputs: tuple[str, ...],
    function: str,
    run_dir: Path | None,
) -> int:
    """Judge each entry of SPECS on MODEL as it is compiled today, and the whole model with them.

    SPECS are one that plain iree-compile reads, one of late entries, or both. A spec is code that the compiler runs:
    load only those that you trust. Flags of iree-compile can follow after `--`. Those that a run chose are used beside
    them; other flags that the specs were made with must be given again. The exit code is 1 if an entry fails. A
    refreshed spec holds the entries that did not fail.
    """
    from tuner.check.check import check_specs
    from tuner.check.options import CheckOptions
    from tuner.terminal import ProgressView

    paths, flags = split_flags(specs)
    options = CheckOptions(
        target=target,
        threads=threads,
        allocator=allocator,
        flags=flags or None,
        function=function,
        output=output,
        run_dir=run_dir,
        shapes=Shapes.parse(dims, inputs),
    )
    with ProgressView(console()) as view:
        report = check_specs(model, paths, options, view)
    for line in report.lines():
        click.echo(line)
    if report.refreshed is not None:
        click.echo(f"Spec: {report.refreshed}")
    if report.lost:
        raise DeviceLostError(report.lost)
    return 0 if report.passed else 1

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune check`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import MODEL, TARGET, model_argument, shape_options, split_flags
from tuner.cli.help import command, option
from tuner.cli.streams import console, echo
from tuner.cli.verbosity import progress_view
from tuner.errors import DeviceLostError
from tuner.model.shapes import Shapes
from tuner.targets import Allocator


@command(
    "check",
    summary="Judge a spec again, entry by entry.",
    examples=(
        "iree-tune check model.mlir spec.mlir",
        "iree-tune check model.mlir spec.mlir spec.late.mlir -o refreshed.mlir",
    ),
)
@model_argument
@click.argument("specs", nargs=-1, required=True)
@option("-o", "--output", type=click.Path(path_type=Path), help="Where a refreshed spec goes.")
@option("--target", **TARGET, help="The device.  [default: that of the specs]", group=MODEL)
@option(
    "--threads", type=int, metavar="N", help="Threads that run a dispatch.  [default: those of the specs]", group=MODEL
)
@option(
    "--allocator",
    type=click.Choice(["default", "caching"]),
    help="What the whole model finds its transient buffers with.  [default: that of the specs]",
    group=MODEL,
)
@shape_options
@option("--function", default="", metavar="NAME", help="The model's entry, if it has several functions.", group=MODEL)
@option("--run-dir", type=click.Path(path_type=Path), help="Folder of the check's logs and binaries.")
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
    with progress_view(console()) as view:
        report = check_specs(model, paths, options, view)
    for line in report.lines():
        echo(line)
    if report.refreshed is not None:
        echo(f"Spec: {report.refreshed}")
    if report.lost:
        raise DeviceLostError(report.lost)
    return 0 if report.passed else 1

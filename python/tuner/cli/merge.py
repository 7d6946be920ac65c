# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune merge`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.help import command, option
from tuner.cli.streams import echo


@command("merge", summary="Merge specs into one.", examples=("iree-tune merge a.mlir b.mlir -o both.mlir",))
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the merged spec goes.")
def merge(specs: tuple[Path, ...], output: Path) -> None:
    """Merge SPECS, early and late ones, into one; late entries go to a file beside it.

    Of two different entries for one problem the faster is kept if both were measured on the same processor with the
    same number of threads, else that of the spec named first. Certificates are believed: first check a spec that was
    edited by hand (`iree-tune check`).
    """
    from tuner.specs.merge import merge_specs

    for line in merge_specs(specs, output).lines():
        echo(line)

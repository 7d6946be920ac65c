# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune widen`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.help import command, option
from tuner.cli.streams import echo


@command(
    "widen",
    summary="Make entries of a spec match a range of sizes.",
    examples=("iree-tune widen spec.mlir -o wide.mlir --loop m --up-to 8192",),
)
@click.argument("spec", type=click.Path(path_type=Path))
@option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the widened spec goes.")
@option(
    "--loop",
    default="m",
    show_default=True,
    metavar="NAME",
    help="The loop whose size may differ, as in an entry's label: m, batch, image0.",
)
@option("--up-to", "most", required=True, type=click.IntRange(1, 2**31 - 1), metavar="SIZE", help="The largest size.")
def widen(spec: Path, output: Path, loop: str, most: int) -> None:
    """Make entries of SPEC, an early one, match every size of a loop that their tile of a workgroup divides.

    These are entries of products, convolutions and attention.

    Each workgroup computes what it computed at the size that was measured, so outputs are as right as there. How fast
    the configuration is at other sizes was not measured: `iree-tune check` measures it on a model that has one.
    """
    from tuner.specs.ranges import widen_spec

    for line in widen_spec(spec, output, loop, most).lines():
        echo(line)

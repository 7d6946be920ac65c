# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune clean`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
def clean(runs: tuple[Path, ...]) -> None:
    """Remove the folders of RUNS with all that is in them; without RUNS those in `.iree-tuner`."""
    from tuner.run_folder import RUNS, remove_run

    found = runs or tuple(sorted(path for path in RUNS.glob("*") if path.is_dir()))
    for path in found:
        click.echo(f"{path}: {remove_run(path) / 1e6:.1f} MB removed")
    if not found:
        click.echo("There are no runs here.")

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune clean`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.errors import InputError

if TYPE_CHECKING:
    from tuner.runs.clean import Cleaning


@click.command("clean")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed; remove nothing.")
def clean(runs: tuple[Path, ...], yes: bool, dry_run: bool) -> None:
    """Remove what runs wrote into the folders RUNS (by default all those in `.iree-tuner`).

    Other files and links are kept, and listed. A run that is still going on is left alone.
    """
    from tuner.runs.clean import clean as remove
    from tuner.runs.clean import look

    found = [look(path) for path in runs] if runs else _in_runs()
    if not found:
        click.echo("There are no runs here.")
        return
    if dry_run:
        for run in found:
            click.echo(run.line("to remove"))
        return
    if not yes and not _is_wanted(found):
        click.echo("Nothing was removed.")
        return
    for run in found:
        click.echo(remove(run.folder).line("removed"))


def _in_runs() -> list[Cleaning]:
    """The runs of this folder that have ended. Prints what else is in it, which stays."""
    from tuner.rates.peaks import PEAKS_FILE
    from tuner.runs.clean import look
    from tuner.runs.folder import RUNS

    found = []
    for path in sorted(path for path in RUNS.glob("*") if path.name != PEAKS_FILE):
        try:
            found.append(look(path))
        except InputError as error:
            click.echo(f"left alone: {error}", err=True)
    return found


def _is_wanted(found: list[Cleaning]) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError(
            "nothing was removed, for there is nobody to ask; give --yes, or --dry-run to see what would be removed"
        )
    for run in found:
        click.echo(run.line("to remove"))
    return click.confirm("Remove them?")

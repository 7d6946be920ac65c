# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune clean`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.help import command, option
from tuner.cli.values import seconds
from tuner.errors import InputError

if TYPE_CHECKING:
    from tuner.runs.clean import Cleaning


@command(
    "clean",
    summary="Remove old runs.",
    examples=(
        "iree-tune clean --dry-run",
        "iree-tune clean --keep-last 3 --older-than 7d",
        "iree-tune clean --yes .iree-tuner/RUN",
    ),
)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@option("--keep-last", metavar="N", type=click.IntRange(min=0), default=0, help="Keep the N runs that started last.")
@option(
    "--older-than", callback=seconds, metavar="TIME", help="Remove only runs that started so long ago, as in 7d or 12h."
)
@option("-y", "--yes", is_flag=True, help="Do not ask.")
@option("--dry-run", is_flag=True, help="Print what would be removed; remove nothing.")
def clean(runs: tuple[Path, ...], keep_last: int, older_than: float | None, yes: bool, dry_run: bool) -> None:
    """Remove what runs wrote into the folders RUNS (by default all those in `.iree-tuner`).

    Other files and links are kept, and listed. A run that is still going on is left alone.
    """
    from tuner.runs.clean import clean as remove
    from tuner.runs.clean import look, old

    found = [look(path) for path in runs] if runs else _in_runs()
    if not found:
        click.echo("There are no runs here.")
        return
    chosen = old(found, keep_last=keep_last, older_than_s=older_than or 0.0)
    if not chosen:
        click.echo(f"Nothing to remove; runs that are kept: {len(found)}.")
        return
    if dry_run:
        for run in chosen:
            click.echo(run.line("to remove"))
        return
    if not yes and not _is_wanted(chosen):
        click.echo("Nothing was removed.")
        return
    for run in chosen:
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
    from tuner.runs.clean import size

    for run in found:
        click.echo(run.line("to remove"))
    from tuner.terminal.units import counted

    count = counted(len(found), "run")
    return click.confirm(f"Remove {count} ({size(sum(run.removed_bytes for run in found))})?")

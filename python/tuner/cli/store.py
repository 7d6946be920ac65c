# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune store`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.help import group

_PATH = click.Path(path_type=Path)
_OUTPUT = click.option(
    "-o", "--output", required=True, type=_PATH, help="The file to write; compressed if it ends in .gz."
)


@group(
    "store",
    summary="Exchange results of candidates.",
    examples=(
        "iree-tune store show run/store.sqlite",
        "iree-tune store export run/store.sqlite -o results.jsonl.gz",
        "iree-tune store import results.jsonl.gz --store team.sqlite",
        "iree-tune store merge a.jsonl.gz b.sqlite -o team.jsonl.gz",
    ),
)
def store() -> None:
    """Exchange results of candidates between people and machines.

    A store is what `iree-tune run --store` writes. A FILE is what `export` and `merge` write: lines of JSON.
    """


@store.command()
@click.argument("store", type=_PATH)
@_OUTPUT
def export(store: Path, output: Path) -> None:
    """Write what STORE holds to a file for others."""
    from tuner.runs.exchange import export_store

    click.echo(f"{output}: {export_store(store, output).total.amount}")


@store.command("import")
@click.argument("file", type=_PATH)
@click.option(
    "--store",
    type=_PATH,
    default=Path("store.sqlite"),
    show_default=True,
    help="The store; a new one if it is not there.",
)
def import_(file: Path, store: Path) -> None:
    """Take FILE, or another store, into a store: all of it, or nothing if it is damaged.

    Of two ends of the same candidate a wrong result counts most, then a measurement, then the later end.
    """
    from tuner.runs.exchange import import_into

    found = import_into(store, file)
    click.echo(f"{store}: {found.new} new, {found.replaced} replaced, {found.known} known before")


@store.command()
@click.argument("files", nargs=-1, required=True, type=_PATH)
@_OUTPUT
def merge(files: tuple[Path, ...], output: Path) -> None:
    """Merge FILES, or stores, into one file.

    Of two ends of the same candidate a wrong result counts most, then a measurement, then the later end.
    """
    from tuner.runs.exchange import merge_stores

    click.echo(f"{output}: {merge_stores(files, output).total.amount}")


@store.command()
@click.argument("store", type=_PATH)
def show(store: Path) -> None:
    """Print how much STORE, or a file, holds: candidates, dispatches, devices, compilers."""
    from tuner.runs.exchange import sum_up

    total, *lines = sum_up(store).lines()
    for line in (f"{store}: {total}", *lines):
        click.echo(line)

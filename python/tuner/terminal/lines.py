# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Plain lines and tables on a console."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tuner.terminal.wrapping import wrapped

# Columns from which on a table has lines between its columns.
_FOR_TABLE_LINES = 100


def print_line(console: Console, text: str, *, style: str = "") -> None:
    """Prints text without markup: verbatim into a file or a pipe, its sentences broken at words on a terminal."""
    text = wrapped(text, console.width) if console.is_terminal else text
    console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def print_reasons(console: Console, reasons: Iterable[tuple[str, str]]) -> None:
    """Prints (dispatch, reason) pairs. A reason that several dispatches share is printed once."""
    alike: dict[str, list[str]] = {}
    for name, reason in reasons:
        alike.setdefault(reason, []).append(name)
    for reason, names in alike.items():
        shown = names[0] if len(names) == 1 else f"{len(names)} dispatches, {names[0]} among them"
        print_line(console, f"{shown}: {reason}")


def new_table(console: Console, title: str | None, texts: Iterable[str], figures: Iterable[str]) -> Table:
    """An empty table: columns of text, which is folded if it is too long, then columns of figures.

    On a narrow console it has no lines: they would take the room in which a name folds between its words.
    """
    if console.width < _FOR_TABLE_LINES:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    else:
        table = Table(title=title, title_justify="left")
    for column in texts:
        table.add_column(column, overflow="fold")
    for column in figures:
        table.add_column(column, justify="right", no_wrap=True)
    return table

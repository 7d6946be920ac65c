# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Plain lines and tables on a console."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table


def print_line(console: Console, text: str, *, style: str = "") -> None:
    """Prints text verbatim: without markup, and without line breaks of our own."""
    console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def print_reasons(console: Console, reasons: Iterable[tuple[str, str]]) -> None:
    """Prints (dispatch, reason) pairs. A reason that several dispatches share is printed once."""
    alike: dict[str, list[str]] = {}
    for name, reason in reasons:
        alike.setdefault(reason, []).append(name)
    for reason, names in alike.items():
        shown = names[0] if len(names) == 1 else f"{len(names)} dispatches, {names[0]} among them"
        print_line(console, f"{shown}: {reason}")


def new_table(title: str | None, texts: Iterable[str], figures: Iterable[str]) -> Table:
    """An empty table: columns of text, which is folded if it is too long, then columns of figures."""
    table = Table(title=title, title_justify="left")
    for column in texts:
        table.add_column(column, overflow="fold")
    for column in figures:
        table.add_column(column, justify="right", no_wrap=True)
    return table

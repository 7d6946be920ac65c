# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Plain lines on a console."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console


def say(console: Console, text: str) -> None:
    """Prints text as it is: nothing in it is markup, and no line is broken."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def say_reasons(console: Console, reasons: Iterable[tuple[str, str]]) -> None:
    """Prints what is said of each dispatch, of (name, reason) pairs; what holds for many of them is said once."""
    alike: dict[str, list[str]] = {}
    for name, reason in reasons:
        alike.setdefault(reason, []).append(name)
    for reason, names in alike.items():
        shown = names[0] if len(names) == 1 else f"{len(names)} dispatches, {names[0]} among them"
        say(console, f"{shown}: {reason}")

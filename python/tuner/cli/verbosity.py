# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The options -v, -q, --color and --debug, which stand before or after the name of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import click

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.evaluate.budget import Budget
    from tuner.terminal.progress import Detail, ProgressView

Color: TypeAlias = Literal["auto", "always", "never"]
_KEY, _COLOR = "tuner.cli.verbosity", "tuner.cli.color"


def common_options() -> list[click.Parameter]:
    """What every command takes, and the program itself."""
    return [
        _Detail("much", "-v", "--verbose", help="Print a line for every candidate and every disturbance."),
        _Detail("none", "-q", "--quiet", help="Print only results and errors."),
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            expose_value=False,
            callback=_choose_color,
            help="Colours: on a terminal (auto; NO_COLOR and FORCE_COLOR are heeded), always or never.",
        ),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show where an error comes from."),
    ]


def _choose_color(ctx: click.Context, _: click.Parameter, wanted: Color | None) -> None:
    if wanted is not None:
        ctx.meta[_COLOR] = wanted


def color_wanted() -> Color:
    """Whether the running command prints in colours."""
    context = click.get_current_context(silent=True)
    return "auto" if context is None else context.meta.get(_COLOR, "auto")


class _Detail(click.Option):
    """An option that chooses how much of its progress a command shows."""

    def __init__(self, detail: Detail, *names: str, help: str) -> None:  # noqa: A002
        super().__init__(names, is_flag=True, expose_value=False, callback=self._choose, help=help)
        self._detail = detail

    def _choose(self, ctx: click.Context, _: click.Parameter, given: bool) -> None:
        if given and ctx.meta.setdefault(_KEY, self._detail) != self._detail:
            raise click.UsageError("--verbose and --quiet exclude each other; give one of them", ctx)


def progress_view(console: Console, *, budget: Budget | None = None) -> ProgressView:
    """What shows the progress of the running command, in as much detail as its user wants."""
    from tuner.terminal.progress import ProgressView

    context = click.get_current_context(silent=True)
    detail: Detail = "usual" if context is None else context.meta.get(_KEY, "usual")
    return ProgressView(console, budget=budget, detail=detail)

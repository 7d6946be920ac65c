# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the help of a command reads: its options in groups, then examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


class _Option(click.Option):
    """An option with the title of the group that it is listed in."""

    def __init__(self, *arguments: Any, group: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.group = group


class _WithExamples(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = examples

    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the examples."""
        write_examples(self.examples, formatter)


class _Command(_WithExamples):
    """A command whose help has its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the options group by group. Those that every command has come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                groups.setdefault(getattr(parameter, "group", ""), []).append(record)
        others = groups.pop("", [])
        for title, records in (*groups.items(), ("Other options" if groups else "Options", others)):
            with formatter.section(title):
                formatter.write_dl(records)


def command(
    name: str, *, summary: str, examples: Sequence[str], **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a command of a function, whose docstring is the help.

    `summary` is its line in the list of commands, `examples` are lines that a user may type.
    """
    return click.command(name, cls=_Command, short_help=summary, examples=tuple(examples), **settings)


class _Group(_WithExamples, click.Group):
    """A command of several parts."""


def group(name: str, *, summary: str, examples: Sequence[str]) -> Callable[[Callable[..., Any]], click.Group]:
    """As `command`, for one that has parts."""
    return click.group(name, cls=_Group, short_help=summary, examples=tuple(examples))


def option(*names: str, group: str = "", **settings: Any) -> Callable[[Function], Function]:
    """An option of a command; `group` is the title that it is listed below."""
    return click.option(*names, cls=_Option, group=group, **settings)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Writes lines that a user may type, unbroken."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{' ' * formatter.current_indent}{example}\n")

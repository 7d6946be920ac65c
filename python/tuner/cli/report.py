# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner import plugins
from tuner.cli.help import command

if TYPE_CHECKING:
    from tuner.report.formats import Format

# The format of the page. Its option is --output, and it is written if no other is asked for.
_PAGE = "html"


class _PathOption(click.Option):
    """Where a format is written to. The format is loaded only if its help is printed."""

    def __init__(self, format_name: str) -> None:
        flags = ["-o", "--output"] if format_name == _PAGE else [f"--{format_name}"]
        super().__init__(flags, type=click.Path(path_type=Path))
        self.format_name = format_name

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        chosen: Format = plugins.load("tuner.formats", self.format_name)
        self.help = chosen.help
        return super().get_help_record(ctx)


_OPTIONS = tuple(_PathOption(name) for name in plugins.names("tuner.formats"))


@command(
    "report",
    summary="Write the page of a run, or files of it.",
    examples=("iree-tune report run -o report.html", "iree-tune report .iree-tuner/RUN --json run.json"),
    params=[*_OPTIONS],
)
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path, **paths: Path | None) -> None:
    """Report on RUN, the folder that `iree-tune run` has left: a page that opens offline, or files for programs.

    Without an option the page goes to report.html in the folder. A run that has not ended is reported as far as it got.
    """
    from tuner.report.writing import write_report

    asked = {option.format_name: paths[option.name or ""] for option in _OPTIONS}
    wanted = {name: path for name, path in asked.items() if path is not None}
    for written in write_report(run, wanted or {_PAGE: run / "report.html"}):
        click.echo(written)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune report`."""

from __future__ import annotations

import contextlib
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
@click.argument("other", type=click.Path(path_type=Path), required=False)
@click.option("--serve", "is_served", is_flag=True, help="Serve a live page on this machine until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the live page; by default a free one.")
def report(run: Path, other: Path | None, is_served: bool, port: int, **paths: Path | None) -> None:
    """Report on RUN, the folder that `iree-tune run` has left: a page that opens offline, or files for programs.

    Without an option the page goes to report.html in the folder. A run that has not ended is reported as far as it got.
    With the folder of a second run, OTHER, the two are compared: by default in comparison.html, in the current folder.
    With --serve a page shows a run while it goes on.
    """
    from tuner.report.writing import write_comparison, write_report

    asked = {option.format_name: paths[option.name or ""] for option in _OPTIONS}
    wanted = {name: path for name, path in asked.items() if path is not None}
    if is_served:
        if other is not None or wanted:
            raise click.UsageError("--serve writes no file and shows one run; leave out OTHER and the files")
        _serve(run, port)
        return
    if other is None:
        written = write_report(run, wanted or {_PAGE: run / "report.html"})
    else:
        written = write_comparison(run, other, wanted or {_PAGE: Path("comparison.html")})
    for path in written:
        click.echo(path)


def _serve(run: Path, port: int) -> None:
    """Serves the live page until Ctrl-C."""
    from tuner.report.live import serve

    with contextlib.suppress(KeyboardInterrupt):
        serve(run, port, lambda address: click.echo(f"{address}  (Ctrl-C stops it)"))

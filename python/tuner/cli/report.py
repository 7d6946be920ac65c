# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the HTML page goes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Where the same goes as JSON.")
@click.option(
    "--t4", "t4_folder", type=click.Path(path_type=Path), help="Folder for the results in the T4 format, by dispatch."
)
def report(run: Path, output: Path | None, json_path: Path | None, t4_folder: Path | None) -> None:
    """Report on RUN, the folder that `iree-tune run` has left: a page that opens offline, or files for programs.

    Without an option the page goes to report.html in the folder. A run that has not ended is reported as far as it got.
    """
    from tuner.report.writing import write_report

    if output is None and json_path is None and t4_folder is None:
        output = run / "report.html"
    for written in write_report(run, output, json_path, t4_folder):
        click.echo(written)

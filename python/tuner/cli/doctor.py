# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.help import command
from tuner.cli.streams import echo


@command("doctor", summary="Check the installation and this machine.", examples=("iree-tune doctor",))
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads to measure peaks on."
)
def doctor(threads: int) -> int:
    """Examine the installation and this machine; print what is wrong and how to repair it.

    The CPU's peaks are kept in `.iree-tuner`, for the reports of runs with as many threads. The exit code is 1 if
    tuning cannot work.
    """
    from tuner.doctor import Severity, examine
    from tuner.rates.peaks import PEAKS_FILE
    from tuner.runs.folder import RUNS

    gravest = Severity.FINE
    for finding in examine(Path.cwd(), RUNS / PEAKS_FILE, threads):
        echo("\n".join(finding.lines()))
        if finding.severity is Severity.WRONG:
            gravest = Severity.WRONG
    return 1 if gravest is Severity.WRONG else 0

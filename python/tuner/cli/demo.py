# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune demo`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.help import command
from tuner.cli.streams import console
from tuner.cli.verbosity import progress_view
from tuner.demo.settings import USUAL, Demo, make_folder

DEFAULTS = Demo()


@command(
    "demo",
    summary="Tune a small product, and prove the gain.",
    examples=("iree-tune demo", "iree-tune demo -o my-demo --seed 1"),
)
@click.option(
    "-o",
    "--output",
    show_default=f"{USUAL}, with a number if that is taken",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A new folder, for the model, the spec, the binaries and the run.",
)
@click.option("--trials", default=DEFAULTS.trials, show_default=True, type=click.IntRange(1), help="Candidates to try.")
@click.option("--seed", default=DEFAULTS.seed, show_default=True, type=click.IntRange(0), help="Seed of the search.")
@click.option("--size", default=DEFAULTS.size, hidden=True, type=click.IntRange(32), help="Side of the matrix.")
def demo(output: Path | None, trials: int, seed: int, size: int) -> None:
    """Tune a matrix-vector product for this CPU in about a minute, and prove it.

    The default and the tuned model are compiled by plain iree-compile and timed by iree-benchmark-module. The commands
    are printed.
    """
    from tuner.demo.page import print_demonstration, print_title
    from tuner.demo.running import demonstrate

    settings, terminal = Demo(make_folder(output), trials=trials, seed=seed, size=size), console()
    print_title(settings, terminal)
    with progress_view(terminal) as view:
        shown = demonstrate(settings, view)
    print_demonstration(shown, terminal)

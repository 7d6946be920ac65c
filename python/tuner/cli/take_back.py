# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune take-back`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.arguments import compile_timeout_option, compiler_flags, model_argument
from tuner.cli.help import command, option
from tuner.cli.streams import console
from tuner.cli.verbosity import progress_view
from tuner.options import Options


@command(
    "take-back",
    summary="Make a spec of what another machine measured.",
    examples=("iree-tune take-back model.mlir bundle -o spec.mlir",),
)
@model_argument
@click.argument("bundle", type=click.Path(path_type=Path))
@compiler_flags
@option("-o", "--output", type=click.Path(path_type=Path), help="Where the tuning spec goes.")
@option("--run-dir", type=click.Path(path_type=Path), help="Folder of the log and the binaries.")
@option("--store", type=click.Path(path_type=Path), help="File of results of candidates that several runs share.")
@compile_timeout_option()
def take_back(
    model: Path,
    bundle: Path,
    flags: tuple[str, ...],
    output: Path | None,
    run_dir: Path | None,
    store: Path | None,
    compile_timeout_s: float,
) -> None:
    """Make a tuning spec for MODEL from the results in BUNDLE, which another machine measured.

    BUNDLE is what `iree-tune run MODEL --no-measure` wrote, with the results.jsonl of its measure.pyz. Its options are
    used again. Flags of iree-compile that the bundle was made with must be given again after `--`, unless a run may
    choose them. The whole model is not run: `iree-tune check` does that, on a machine that has the device and the
    compiler.
    """
    from tuner.bundle.taking_back import take_back as taken_back
    from tuner.terminal.lines import print_line
    from tuner.terminal.table import print_result

    options = Options(
        output=output,
        run_dir=run_dir,
        store=() if store is None else (store,),
        compile_timeout_s=compile_timeout_s,
        flags=flags,
    )
    shown = console()
    with progress_view(shown) as view:
        result = taken_back(model, bundle, options, view)
    print_result(result, shown)
    lines = ["The whole model was not run; on a machine with the device and a compiler: iree-tune check MODEL SPEC"]
    if output is not None:
        lines.append(f"Spec: {output}")
    for line in lines:
        print_line(shown, line)

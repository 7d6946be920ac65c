# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune list`."""

from __future__ import annotations

from pathlib import Path

from tuner.cli.arguments import compiler_flags, model_argument, shape_options, target_options
from tuner.cli.help import command
from tuner.cli.streams import console
from tuner.cli.verbosity import progress_view
from tuner.model.shapes import Shapes
from tuner.options import Options


@command(
    "list",
    summary="List a model's dispatches and their times.",
    examples=("iree-tune list model.mlir", "iree-tune list model.onnx --dim batch=1 --threads 4"),
)
@model_argument
@compiler_flags
@target_options
@shape_options
def list_(
    model: Path, flags: tuple[str, ...], target: str, threads: int, dims: tuple[str, ...], inputs: tuple[str, ...]
) -> None:
    """List the dispatches of MODEL: problem, runs, time, share of the whole, and its space or why it is not tuned.

    Each is run alone, as the compiler makes it by default. Flags of iree-compile can follow after `--`.
    """
    from tuner.preview.list import list_dispatches
    from tuner.terminal.table import print_dispatches

    options = Options(target=target, threads=threads, flags=flags, shapes=Shapes.parse(dims, inputs))
    shown = console(wide=True)
    with progress_view(shown) as view:
        listed = list_dispatches(model, options, view)
    print_dispatches(listed, shown)

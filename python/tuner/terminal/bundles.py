# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `iree-tune run --no-measure` prints: what the bundle holds, what failed and why, and what to do with it."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tuner.bundle.manifest import FILE, PROGRAM, Manifest
from tuner.terminal.lines import new_table, print_line, print_reasons

# Reasons printed for each dispatch, the most frequent first.
_SHOWN = 3


def print_bundle(model: Path, bundle: Path, manifest: Manifest, console: Console) -> None:
    """Prints how many candidates of each dispatch compiled, why the others failed, and the commands that come next."""
    if manifest.dispatches:
        title = f"Compiled for {manifest.device.label}, not measured"
        table = new_table(console, title, ("dispatch", "space"), ("candidates", "compiled"))
        for dispatch in manifest.dispatches:
            failed = sum(dispatch.failures.values())
            count = len(dispatch.candidates) - 1
            table.add_row(escape(dispatch.name), dispatch.space, str(count), str(count - failed))
        console.print(table)
    for dispatch in manifest.dispatches:
        for reason, count in dispatch.failures.most_common(_SHOWN):
            print_line(console, f"{dispatch.name}: {count} x {reason}")
    print_reasons(console, manifest.left.items())
    if not manifest.dispatches:
        print_line(console, f"Nothing here is tunable; {bundle / FILE} says why.")
        return
    runtime = f"iree-base-runtime=={manifest.compiler_version}"
    print_line(
        console, f"Bundle: {bundle}. Copy it to a machine with such a device and Python 3.11 or newer, and run there:"
    )
    print_line(console, f"  pip install {runtime} numpy\n  python {shlex.quote(bundle.name)}/{PROGRAM}")
    words = ["iree-tune", "take-back", str(model), str(bundle), "-o", "spec.mlir"]
    print_line(console, f"Copy its results.jsonl into the bundle here, and run:\n  {shlex.join(words)}")

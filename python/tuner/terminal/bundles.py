# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is printed of a bundle that was written: what is in it, what failed and why, and what to do with it."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tuner.bundle.manifest import FILE, PROGRAM, Manifest
from tuner.terminal.lines import say, say_reasons

# So many reasons are shown for each dispatch.
_SHOWN = 3


def print_bundle(model: Path, bundle: Path, manifest: Manifest, console: Console) -> None:
    """Prints each dispatch with how many candidates compiled, the others with their reasons, and the next commands."""
    if manifest.dispatches:
        table = Table(title=f"Compiled for {manifest.device.label}, not measured", title_justify="left")
        table.add_column("dispatch", overflow="fold")
        table.add_column("space")
        for column in ("candidates", "compiled"):
            table.add_column(column, justify="right", no_wrap=True)
        for each in manifest.dispatches:
            failed = sum(each.failures.values())
            count = len(each.candidates) - 1
            table.add_row(escape(each.name), each.space, str(count), str(count - failed))
        console.print(table)
    for each in manifest.dispatches:
        for reason, count in each.failures.most_common(_SHOWN):
            say(console, f"{each.name}: {count} x {reason}")
    say_reasons(console, manifest.left.items())
    if not manifest.dispatches:
        say(console, f"Nothing here is tunable; {bundle / FILE} says why.")
        return
    runtime = f"iree-base-runtime=={manifest.compiler_version}"
    say(console, f"Bundle: {bundle}. Copy it to a machine with such a device and any Python from 3.11 on, and there:")
    say(console, f"  pip install {runtime} numpy\n  python {shlex.quote(bundle.name)}/{PROGRAM}")
    words = ["iree-tune", "take-back", str(model), str(bundle), "-o", "spec.mlir"]
    say(console, f"Copy its results.jsonl into the bundle here, and:\n  {shlex.join(words)}")

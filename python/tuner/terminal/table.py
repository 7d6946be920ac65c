# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table at the end of a run."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tuner.preview.list import Listed
from tuner.terminal.lines import say, say_reasons
from tuner.terminal.units import duration
from tuner.tuning.result import DispatchResult, TuneResult


def print_result(result: TuneResult, console: Console) -> None:
    """Prints each dispatch, the whole model, and the command that uses the spec."""
    table = Table(title=f"Tuned on {result.device_label}", title_justify="left")
    table.add_column("dispatch", overflow="fold")
    for column in ("default", "best", "speed-up [95 %]", "verified", "evaluations"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in result.dispatches:
        if each.evaluations:
            table.add_row(*_row(each))
    if result.model is not None:
        table.add_section()
        table.add_row(
            "whole model",
            duration(result.model.baseline_s),
            duration(result.model.tuned_s),
            escape(str(result.model.ratio)),
            "yes" if result.model.verification.passed else "no",
            "",
        )
    console.print(table)
    say_reasons(console, ((each.dispatch.name, each.verdict) for each in result.dispatches if each.winner is None))
    if not any(each.evaluations for each in result.dispatches):
        say(console, "Nothing here is tunable.")
    if result.model is not None or any(each.winner for each in result.dispatches):
        if result.flags:
            say(console, f"Flags for the whole model: {shlex.join(result.flags)}")
        say(console, f"Use the spec:\n  {shlex.join(result.compile_command)}")
    if result.late_spec:
        late = sum(each.late and each.winner is not None for each in result.dispatches)
        say(console, f"{late} of its entries cannot be applied by plain iree-compile; that command applies them.")
    if any(each.evaluations for each in result.dispatches):
        say(console, f"Log of every candidate: {result.run_dir / 'log.jsonl'}")
    say(console, f"The run took {result.wall_time}.")


def print_dispatches(listed: Sequence[Listed], console: Console) -> None:
    """Prints what `iree-tune list` found: those that take most time first."""
    total_s = sum(each.model_s for each in listed)
    table = Table()
    for column in ("dispatch", "problem", "tuned in"):
        table.add_column(column, overflow="fold")
    for column in ("runs", "one run", "share"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in sorted(listed, key=lambda each: -each.model_s):
        time = "-" if each.seconds is None else duration(each.seconds)
        share = f"{each.model_s / total_s:.1%}" if total_s and each.seconds is not None else "-"
        table.add_row(
            escape(each.name), escape(each.problem), escape(each.space or each.reason), str(each.runs), time, share
        )
    console.print(table)
    tunable = sum(1 for each in listed if each.space)
    say(console, f"{len(listed)} dispatches, {tunable} different problems to tune, {duration(total_s)} together.")


def _row(result: DispatchResult) -> tuple[str, ...]:
    name = escape(result.dispatch.name)
    if result.final is None:
        return (name, "-", "-", "-", "-", str(max(0, len(result.evaluations) - 1)))
    paired = result.final.paired
    best = duration(statistics.median(paired.candidate_s)) if result.winner else "default"
    return (
        name,
        duration(statistics.median(paired.baseline_s)),
        best,
        escape(str(result.final.ratio)) if result.winner else "1.00x",
        "yes" if result.final.verification.passed else "no",
        str(len(result.evaluations) - 1),
    )

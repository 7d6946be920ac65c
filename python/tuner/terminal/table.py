# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of `iree-tune run` and `iree-tune list`."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from tuner.preview.list import Listed
from tuner.terminal.lines import new_table, print_line, print_reasons
from tuner.terminal.units import duration
from tuner.tuning.result import DispatchResult, TuneResult
from tuner.wording import counted


def print_result(result: TuneResult, console: Console) -> None:
    """Prints the result of each dispatch and of the whole model, and last the command that uses the spec."""
    figures = ("default", "best", "speed-up [95 %]", "verified", "candidates")
    table = new_table(f"Tuned on {result.device_label}", ("dispatch",), figures)
    tried = [tuned for tuned in result.dispatches if tuned.evaluations]
    for tuned in tried:
        table.add_row(*_row(tuned))
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
    print_reasons(console, ((tuned.dispatch.name, tuned.verdict) for tuned in result.dispatches if not tuned.winner))
    if not tried:
        print_line(console, "Nothing here is tunable.")
    if tried:
        print_line(console, f"Log of every candidate: {result.run_dir / 'log.jsonl'}")
    print_line(console, f"The run took {result.wall_time}.")
    if result.model is not None or any(tuned.winner for tuned in result.dispatches):
        _print_use(result, console)


def _print_use(result: TuneResult, console: Console) -> None:
    """Prints how to use the result: last of all the command, which is enough by itself."""
    if result.flags:
        print_line(console, f"Flags for the whole model: {shlex.join(result.flags)}")
    if result.late_spec:
        late = sum(tuned.late and tuned.winner is not None for tuned in result.dispatches)
        gain = f" The model is {result.late_gain} as fast with them as without." if result.late_gain else ""
        print_line(
            console,
            f"{late} of its entries cannot be applied by plain iree-compile; the command below applies them.{gain}",
        )
    if result.allocator.advice:
        print_line(console, result.allocator.advice)
    if result.command_shown:
        print_line(console, f"The command below was run: {result.command_shown}.")
    print_line(console, f"Use the spec:\n  {shlex.join(result.compile_command)}")


def print_dispatches(listed: Sequence[Listed], console: Console) -> None:
    """Prints the dispatches that `iree-tune list` found, those that take most of the model's time first."""
    total_s = sum(dispatch.model_s for dispatch in listed)
    table = new_table(None, ("dispatch", "problem", "tuned in"), ("runs", "one run", "share"))
    for dispatch in sorted(listed, key=lambda dispatch: -dispatch.model_s):
        time = "-" if dispatch.seconds is None else duration(dispatch.seconds)
        share = f"{dispatch.model_s / total_s:.1%}" if total_s and dispatch.seconds is not None else "-"
        texts = (dispatch.name, dispatch.problem, dispatch.space or dispatch.reason)
        table.add_row(*map(escape, texts), str(dispatch.runs), time, share)
    console.print(table)
    tunable = sum(1 for dispatch in listed if dispatch.space)
    dispatches, problems = counted(len(listed), "dispatch"), counted(tunable, "problem")
    print_line(console, f"{dispatches}, {problems} to tune, {duration(total_s)} together.")


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

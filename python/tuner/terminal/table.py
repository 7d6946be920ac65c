# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of `iree-tune run` and `iree-tune list`."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from tuner.preview.list import Listed
from tuner.speedup import Ratio
from tuner.terminal.lines import new_table, print_line, print_reasons
from tuner.terminal.names import short_names, shortened
from tuner.terminal.units import counted, duration
from tuner.terminal.wrapping import INDENT
from tuner.tuning.result import DispatchResult, ModelResult, TuneResult

# Columns from which on a list has dispatches by their full names.
_FOR_FULL_NAMES = 160


def print_result(result: TuneResult, console: Console) -> None:
    """Prints the result of each dispatch and of the whole model, and last the command that uses the spec."""
    names = short_names(tuned.dispatch.name for tuned in result.dispatches)
    tried = [tuned for tuned in result.dispatches if tuned.evaluations]
    if tried:
        _print_dispatch_results(result, tried, names, console)
    if result.model is not None:
        _print_gains(result, result.model, console)
    left = ((names[tuned.dispatch.name], tuned.verdict) for tuned in result.dispatches if not tuned.winner)
    print_reasons(console, left)
    guesses = [tuned for tuned in result.dispatches if tuned.guess is not None]
    print_reasons(console, ((names[tuned.dispatch.name], tuned.verdict) for tuned in guesses))
    if not tried and not guesses and result.model is None:
        print_line(console, "No dispatch was tuned.")
    if tried:
        print_line(console, f"Log of every candidate: {result.run_dir / 'log.jsonl'}")
    if result.prospect:
        print_line(console, f"{result.prospect}.")
    print_line(console, f"The run took {result.wall_time}.")
    if result.is_faster:
        _print_use(result, console)


def _print_dispatch_results(
    result: TuneResult, tried: Sequence[DispatchResult], names: Mapping[str, str], console: Console
) -> None:
    """Prints the confirmed speed-up of each dispatch over the compiler's default for it."""
    default = "default with the chosen flags" if result.flags else "default"
    # What follows the name are threads and features.
    processor = result.circumstances.processor.partition(",")[0]
    machine = f" ({processor})" if processor and processor not in result.device_label else ""
    print_line(console, f"Tuned on {result.device_label}{machine}")
    figures = ("default", "best", "speed-up [95 %]", "verified", "candidates")
    table = new_table(console, f"Dispatches, against the compiler's {default}", ("dispatch",), figures)
    for tuned in tried:
        table.add_row(escape(names[tuned.dispatch.name]), *_figures(tuned))
    console.print(table)


def _print_gains(result: TuneResult, model: ModelResult, console: Console) -> None:
    """Prints what each part of the result adds, and the speed-up over the untuned model with it."""
    figures = ("one run", "speed-up [95 %]", "adds", "verified")
    table = new_table(console, "Whole model, against the untuned model", ("",), figures)
    table.add_row("untuned model", duration(model.baseline_s), "1.00x", "", "")
    reached, parts = 1.0, list(_parts(result))
    for part, ratio in parts:
        # Measured by itself, at another time: seconds would not compare with those of the other rows.
        table.add_row(part, "", escape(str(ratio)), f"{ratio.value / reached:.2f}x", "")
        reached = ratio.value
    together = model.ratio
    verified = "yes" if model.verification.passed else "no"
    what = _all_of(result, follows=bool(parts))
    spec = (
        result.gains.spec if result.gains is not None and parts and any(d.winner for d in result.dispatches) else None
    )
    # What the spec adds is measured beside the model without it. The rows above are of another time.
    adds = f"{together.value / reached if spec is None else spec.value:.2f}x"
    table.add_row(what, duration(model.tuned_s), escape(str(together)), adds, verified)
    console.print(table)
    print_line(console, "Speed-ups are measured side by side, round by round: quotients of other figures can differ.")


def _parts(result: TuneResult) -> Iterator[tuple[str, Ratio]]:
    """What was measured by itself on the way to the whole result: its name, and the speed-up over the untuned model."""
    gains = result.gains
    if gains is None:
        return
    has_spec = any(tuned.winner for tuned in result.dispatches)
    if gains.ops is not None and (gains.flags is not None or has_spec):
        yield "choices for single ops", gains.ops
    if gains.flags is not None and has_spec:
        yield "+ flags" if gains.ops is not None else gains.flags_name, gains.flags


def _all_of(result: TuneResult, *, follows: bool) -> str:
    """What the result as a whole consists of; `follows`: other rows name what was chosen before the last part."""
    if any(tuned.winner for tuned in result.dispatches):
        return "+ tuning spec" if follows else "flags and tuning spec" if result.flags else "tuning spec"
    if result.ops and not (result.gains is not None and result.gains.is_joint):
        return "+ flags" if follows else "choices for single ops"
    return "flags" if result.gains is None else result.gains.flags_name


def _print_use(result: TuneResult, console: Console) -> None:
    """Prints how to use the result: last of all the command, which is enough by itself."""
    if result.flags:
        print_line(console, f"Flags for the whole model:\n{INDENT}{shlex.join(result.flags)}")
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
    print_line(console, f"Use the spec:\n{INDENT}{shlex.join(result.compile_command)}")


def print_dispatches(listed: Sequence[Listed], console: Console) -> None:
    """Prints the dispatches that `iree-tune list` found, those that take most of the model's time first."""
    total_s = sum(dispatch.model_s for dispatch in listed)
    table = new_table(console, None, ("dispatch", "problem", "tuned in"), ("runs", "one run", "share"))
    for dispatch in sorted(listed, key=lambda dispatch: -dispatch.model_s):
        time = "-" if dispatch.seconds is None else duration(dispatch.seconds)
        share = f"{dispatch.model_s / total_s:.1%}" if total_s and dispatch.seconds is not None else "-"
        name = dispatch.name if console.width >= _FOR_FULL_NAMES else shortened(dispatch.name)
        texts = (name, dispatch.problem, dispatch.space or dispatch.reason)
        table.add_row(*map(escape, texts), str(dispatch.runs), time, share)
    console.print(table)
    tunable = sum(1 for dispatch in listed if dispatch.space)
    dispatches, problems = counted(len(listed), "dispatch"), counted(tunable, "problem")
    print_line(console, f"{dispatches}, {problems} to tune, {duration(total_s)} together.")


def _figures(result: DispatchResult) -> tuple[str, ...]:
    """Default, best, speed-up, verified and candidates of a dispatch."""
    candidates = str(max(0, len(result.evaluations) - 1))
    if result.final is None:
        return ("-", "-", "-", "-", candidates)
    paired = result.final.paired
    return (
        duration(statistics.median(paired.baseline_s)),
        duration(statistics.median(paired.candidate_s)) if result.winner else "default",
        escape(str(result.final.ratio)) if result.winner else "1.00x",
        "yes" if result.final.verification.passed else "no",
        candidates,
    )

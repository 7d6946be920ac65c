# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `iree-tune run --dry-run` prints."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from tuner.preview.forecast import Forecast
from tuner.terminal.lines import new_table, print_line, print_reasons
from tuner.terminal.names import short_names
from tuner.terminal.units import duration, rough


def print_forecast(forecast: Forecast, console: Console) -> None:
    """Prints which dispatches would be tuned, why the others would not, choices for ops, flags, and the time."""
    figures = ("default", "solutions", "candidates", "about")
    table = new_table(console, "Would be tuned", ("dispatch", "space"), figures)
    names = short_names([*(dispatch.name for dispatch in forecast.dispatches), *forecast.left])
    for dispatch in forecast.dispatches:
        table.add_row(
            escape(names[dispatch.name]),
            escape(dispatch.space),
            duration(dispatch.default_s),
            f"{dispatch.solutions:,}" if dispatch.is_exact else f"{dispatch.solutions:,} drawn",
            str(dispatch.candidates),
            rough(dispatch.search_s + dispatch.final_s),
        )
    if forecast.dispatches:
        console.print(table)
    else:
        print_line(console, "Nothing here is tunable.")
    print_reasons(console, ((names[name], reason) for name, reason in forecast.left.items()))
    ops, flags = forecast.ops, forecast.flags
    if ops is not None:
        named = "; ".join(
            f"{choice} for {count} {'op' if count == 1 else 'ops'}" for choice, count in ops.choices.items()
        )
        print_line(
            console,
            f"Choices for single ops first: {ops.trials} of {ops.sets} sets, about {rough(ops.seconds)} ({named}). If a"
            f" set does not pay, its halves are tried too: at most {ops.most} sets in all.",
        )
    if flags is not None:
        when = "first" if ops is None else "then"
        named = "; ".join(f"{name}: {', '.join(values)}" for name, values in flags.knobs.items())
        print_line(
            console,
            f"Flags of the whole model {when}: {flags.trials} of {flags.choices:,} choices, about"
            f" {rough(flags.seconds)} ({named}). With other flags there may be other dispatches.",
        )
    print_line(
        console, f"The whole run: {_total(forecast)}, as the model and each default were compiled and run just now."
    )
    print_line(console, "Nothing was written.")


def _total(forecast: Forecast) -> str:
    wanted = f"about {rough(forecast.wanted_s)}"
    if forecast.budget_s is None:
        return wanted
    budget = rough(forecast.budget_s)
    return (
        f"{wanted}, within the budget of {budget}"
        if forecast.wanted_s <= forecast.budget_s
        else f"about {budget}, its budget; all candidates would take {wanted}"
    )

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `iree-tune run --dry-run` shows."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tuner.preview.forecast import Forecast
from tuner.terminal.lines import say, say_reasons
from tuner.terminal.units import duration, rough


def print_forecast(forecast: Forecast, console: Console) -> None:
    """Prints what would be tuned, what would not and why, the flags, and the time."""
    table = Table(title="Would be tuned", title_justify="left")
    for column in ("dispatch", "space"):
        table.add_column(column, overflow="fold")
    for column in ("default", "solutions", "candidates", "about"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in forecast.dispatches:
        table.add_row(
            escape(each.name),
            escape(each.space),
            duration(each.default_s),
            str(each.solutions) if each.is_exact else f"{each.solutions} drawn",
            str(each.candidates),
            rough(each.search_s + each.final_s),
        )
    if forecast.dispatches:
        console.print(table)
    else:
        say(console, "Nothing here is tunable.")
    say_reasons(console, forecast.left.items())
    flags = forecast.flags
    if flags is not None:
        named = "; ".join(f"{name}: {', '.join(values)}" for name, values in flags.knobs.items())
        say(
            console,
            f"Flags of the whole model first: {flags.trials} of {flags.choices} choices, about {rough(flags.seconds)}"
            f" ({named}). With other flags there may be other dispatches.",
        )
    say(console, f"The whole run: {_total(forecast)}, as the model and each default were compiled and run just now.")
    say(console, "Nothing was written.")


def _total(forecast: Forecast) -> str:
    wanted = f"about {rough(forecast.wanted_s)}"
    if forecast.budget_s is None:
        return wanted
    budget = rough(forecast.budget_s)
    return (
        f"{wanted}, within the budget of {budget}"
        if forecast.wanted_s <= forecast.budget_s
        else f"about {budget}," + (f" its budget; all candidates would take {wanted}")
    )

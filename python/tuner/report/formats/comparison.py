# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two runs on one page, and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from tuner.jsonable import to_plain
from tuner.report.comparison import Comparison, Matched, Outcome, compare_runs
from tuner.report.pair_bars import pair_bars
from tuner.report.recorded_run import RecordedRun
from tuner.report.templates import page_template
from tuner.terminal.units import duration

SCHEMA = "iree-tuner-comparison/1"
# How many times faster a second run must be to be emphasised: runs that are not side by side differ by a few percent.
_BEYOND_CHANCE = 1.05
_SAME_MACHINE = (
    "The runs were not measured side by side, so a few percent between their times may be chance. Each speed-up was"
    " measured side by side with its own default."
)
_OTHER_MACHINE = (
    "The runs were measured on different machines, or on different numbers of threads: compare the speed-ups, each over"
    " the default of its own run. Times differ with the machine."
)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    faster: str
    first: str
    second: str
    changed: str
    is_gain: bool


def html_comparison(first: RecordedRun, second: RecordedRun) -> str:
    """A page about two runs."""
    compared = compare_runs(first, second)
    names = _names(compared)
    matched = [*compared.dispatches, *([compared.model] if compared.model else [])]
    plot = pair_bars("pairs", matched)
    return page_template("comparison.html.jinja").render(
        title=f"{names[0]} and {names[1]} compared",
        headline=_headline(compared),
        caution=_SAME_MACHINE if compared.is_one_machine else _OTHER_MACHINE,
        plots=[plot] if plot else [],
        rows=[_row(pair) for pair in matched],
        differences=[(found.what, found.first, found.second) for found in compared.differences],
        first_name=names[0],
        second_name=names[1],
        tuner_version=version("iree-tuner"),
    )


def json_comparison(first: RecordedRun, second: RecordedRun) -> dict[str, Any]:
    """Everything that the page shows, as plain JSON."""
    compared = compare_runs(first, second)
    return {
        "schema": SCHEMA,
        "first": str(first.folder),
        "second": str(second.folder),
        "is_one_machine": compared.is_one_machine,
        "model": None if compared.model is None else _plain(compared.model),
        "dispatches": [_plain(pair) for pair in compared.dispatches],
        "differences": [to_plain(found) for found in compared.differences],
    }


def _names(compared: Comparison) -> tuple[str, str]:
    """What tells the runs apart: the names of their folders, longer ones if these are equal."""
    first, second = (run.folder.absolute() for run in (compared.first, compared.second))
    return (str(first), str(second)) if first.name == second.name else (first.name, second.name)


def _headline(compared: Comparison) -> str:
    model = compared.model
    if model is None or model.first is None or model.second is None:
        return ""
    return f"Whole model: {_cell(model.first)} in the first run, {_cell(model.second)} in the second."


def _row(pair: Matched) -> _Row:
    return _Row(
        label=pair.label,
        faster="-" if pair.faster is None else f"{pair.faster:.2f}x",
        first="not there" if pair.first is None else _cell(pair.first),
        second="not there" if pair.second is None else _cell(pair.second),
        changed="; ".join(pair.changed),
        is_gain=pair.faster is not None and pair.faster > _BEYOND_CHANCE,
    )


def _cell(outcome: Outcome) -> str:
    if outcome.default_s is None:
        return outcome.verdict
    if not outcome.is_gain or outcome.best_s is None:
        return f"{duration(outcome.default_s)}, the default stays"
    return f"{duration(outcome.default_s)} → {duration(outcome.best_s)}, {outcome.ratio}"


def _plain(pair: Matched) -> dict[str, Any]:
    return {**to_plain(pair), "first_by_second": pair.faster, "changed": pair.changed}

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the model's time goes: two stacked bars, the untuned model's and the tuned one's, problem by problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.rates.breakdown import Breakdown, TimedDispatch, total_s
from tuner.report.plot import LEGEND_ROW, Plot
from tuner.report.svg import LETTER, WIDTH, Canvas, readable_on, shortened
from tuner.terminal.units import duration

# Colours of the parts, the same on light and dark pages; the last ones are of all other dispatches and of the rest.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c6bb1")
_OTHERS, _REST = "#8a8a8a", "#c8c8c8"
_BAR, _STEP, _TOP = 26.0, 50.0, 18.0
# Letters of a number need this width to stand in a bar.
_LEAST_NUMBER = 16.0


@dataclass(frozen=True, slots=True)
class Part:
    """The dispatches of one problem: seconds that they take together in a run of the untuned and of the tuned model.

    A model that has no such dispatch takes 0 for it. `dispatches` is their number, in the model that has more. `known`:
    whether all of them were timed.
    """

    label: str
    dispatches: int
    before_s: float
    after_s: float
    is_tuned: bool
    known: bool


def parts_of(breakdown: Breakdown) -> list[Part]:
    """The parts of both models, those that take longest first."""
    before, after = _by_label(breakdown.untuned), _by_label(breakdown.tuned)
    parts = [
        Part(
            label=label,
            dispatches=max(len(before.get(label, ())), len(after.get(label, ()))),
            before_s=total_s(before.get(label, ())),
            after_s=total_s(after.get(label, ())),
            is_tuned=any(dispatch.is_tuned for dispatch in after.get(label, ())),
            known=all(dispatch.seconds is not None for dispatch in (*before.get(label, ()), *after.get(label, ()))),
        )
        for label in dict.fromkeys((*before, *after))
    ]
    return sorted(parts, key=lambda part: -max(part.before_s, part.after_s))


def time_split(identity: str, breakdown: Breakdown, model_s: tuple[float, float] | None) -> Plot:
    """The bars, with a legend of the largest parts. `model_s`: what the untuned and the tuned model take as a whole."""
    parts = parts_of(breakdown)
    timed = sum(1 for part in parts if part.before_s or part.after_s)
    largest, others = parts[: min(timed, len(_COLORS))], parts[len(_COLORS) : timed]
    bars = [_bar("untuned model", [part.before_s for part in parts], model_s and model_s[0])]
    if breakdown.tuned:
        bars.append(_bar("tuned model", [part.after_s for part in parts], model_s and model_s[1]))
    longest_s = max((bar.length_s for bar in bars), default=0.0) or 1.0
    title = "Where the model's time goes"
    legend_rows = len(largest) + bool(others) + any(bar.rest_s for bar in bars)
    height = _TOP + _STEP * len(bars) + LEGEND_ROW * legend_rows
    canvas = Canvas(identity, title, "; ".join(bar.text for bar in bars) + ".", height)
    for row, bar in enumerate(bars):
        _draw_bar(canvas, bar, _TOP + _STEP * row, longest_s, largest)
    _draw_legend(canvas, _TOP + _STEP * len(bars), largest, others, bars)
    return Plot(title, str(canvas), *_table(parts, bars))


@dataclass(frozen=True, slots=True)
class _Bar:
    """A model: seconds of its parts, and those of the whole that no part takes."""

    name: str
    parts_s: tuple[float, ...]
    model_s: float | None

    @property
    def rest_s(self) -> float:
        return max(0.0, (self.model_s or 0.0) - sum(self.parts_s))

    @property
    def length_s(self) -> float:
        return sum(self.parts_s) + self.rest_s

    @property
    def text(self) -> str:
        alone = f"dispatches alone {duration(sum(self.parts_s))}" if sum(self.parts_s) else "no dispatch was timed"
        return f"{self.name}: {duration(self.model_s)}, {alone}" if self.model_s else f"{self.name}: {alone}"


def _bar(name: str, parts_s: Sequence[float], model_s: float | None) -> _Bar:
    return _Bar(name, tuple(parts_s), model_s)


def _draw_bar(canvas: Canvas, bar: _Bar, top: float, longest_s: float, largest: Sequence[Part]) -> None:
    canvas.text(0, top - 5, bar.text, "ink")
    x = 0.0
    shown = [*bar.parts_s[: len(largest)], sum(bar.parts_s[len(largest) :]), bar.rest_s]
    names = [*(part.label for part in largest), "other dispatches", "the rest"]
    colors = [*_COLORS[: len(largest)], _OTHERS, _REST]
    for number, (seconds, name, color) in enumerate(zip(shown, names, colors, strict=True), 1):
        width = WIDTH * seconds / longest_s
        if width > 0:
            canvas.box(x, top, max(0.5, width - 1), _BAR, color, f"{name}: {duration(seconds)}")
        if width >= _LEAST_NUMBER and number <= len(largest):
            canvas.text(x + width / 2, top + 17, str(number), readable_on(color), "middle")
        x += width


def _draw_legend(
    canvas: Canvas, top: float, largest: Sequence[Part], others: Sequence[Part], bars: Sequence[_Bar]
) -> None:
    entries = [
        (color, f"{number}  {part.label}", _change(part.before_s, part.after_s, len(bars)))
        for number, (part, color) in enumerate(zip(largest, _COLORS, strict=False), 1)
    ]
    if others:
        before_s, after_s = (sum(times) for times in zip(*((one.before_s, one.after_s) for one in others), strict=True))
        entries.append((_OTHERS, f"{len(others)} others", _change(before_s, after_s, len(bars))))
    if any(bar.rest_s for bar in bars):
        entries.append(
            (_REST, "the rest of the model", " → ".join(duration(bar.rest_s) if bar.rest_s else "-" for bar in bars))
        )
    for row, (color, words, times) in enumerate(entries):
        y = top + LEGEND_ROW * row + 4
        canvas.box(0, y - 9, 10, 10, color)
        canvas.text(WIDTH, y, times, "faint", "end")
        canvas.text(15, y, shortened(words, int((WIDTH - 15) / LETTER) - len(times) - 2), "ink")


def _change(before_s: float, after_s: float, models: int) -> str:
    return " → ".join(duration(seconds) if seconds else "-" for seconds in (before_s, after_s)[:models])


def _table(parts: Sequence[Part], bars: Sequence[_Bar]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    columns = ("problem", "dispatches", *(bar.name for bar in bars), "in the spec")
    rows = [
        (
            part.label,
            str(part.dispatches),
            *(_cell(seconds, part.known) for seconds in (part.before_s, part.after_s)[: len(bars)]),
            "yes" if part.is_tuned else "no",
        )
        for part in parts
    ]
    rests = ("the rest of the model", "", *(duration(bar.rest_s) if bar.rest_s else "-" for bar in bars), "")
    models = ("whole model", "", *(duration(bar.model_s) if bar.model_s else "-" for bar in bars), "")
    return columns, (*rows, rests, models)


def _cell(seconds: float, known: bool) -> str:
    if not seconds:
        return "-" if known else "not timed"
    return duration(seconds) if known else f"{duration(seconds)} at least"


def _by_label(dispatches: Sequence[TimedDispatch]) -> dict[str, list[TimedDispatch]]:
    """The dispatches that a run of the model runs, by their problem; one whose problem is not known by its name."""
    found: dict[str, list[TimedDispatch]] = {}
    for dispatch in dispatches:
        if dispatch.runs:
            found.setdefault(dispatch.problem or dispatch.name, []).append(dispatch)
    return found

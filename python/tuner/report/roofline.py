# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far each dispatch is from what the machine can do: its rates, and a roofline plot.

Source: Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52, 2009.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.rates.breakdown import Breakdown, TimedDispatch
from tuner.rates.peaks import PEAK_TYPE, Peaks
from tuner.rates.work import Footprint
from tuner.report.plot import Plot, Sign, legend, legend_height
from tuner.report.svg import WIDTH, Canvas
from tuner.terminal.units import duration

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 240.0, 40.0, 12.0, 26.0, 38.0
_GIGA = 1e9
ROOFLINE = "Distance to the machine's limit"


@dataclass(frozen=True, slots=True)
class Rate:
    """What a dispatch reaches. Rates are 0 if the problem does not say.

    `limit_part`: the part of its time that it would take at the machine's peaks; it can be above 1, since caches are
    faster than memory. None without peaks of its type.
    """

    dispatch: TimedDispatch
    footprint: Footprint
    seconds: float
    limit_part: float | None

    @property
    def operations_per_s(self) -> float:
        """Multiplications and additions a second."""
        return self.footprint.operations / self.seconds

    @property
    def bytes_per_s(self) -> float:
        """Bytes of operands a second."""
        return self.footprint.bytes / self.seconds

    @property
    def limit(self) -> str:
        """`limit_part` for people."""
        if self.limit_part is None:
            return "-"
        return "at the limit" if self.limit_part > 1.0 else f"{self.limit_part:.0%}"


def rates_of(dispatches: Sequence[TimedDispatch], peaks: Peaks | None) -> list[Rate]:
    """The rates of the dispatches whose time and problem are known, those that take most of the model's time first."""
    rates = []
    for dispatch in sorted(dispatches, key=lambda dispatch: -dispatch.model_s):
        footprint = dispatch.footprint
        if dispatch.seconds and dispatch.runs and footprint and (footprint.operations or footprint.bytes):
            least_s = None if peaks is None else peaks.least_s(footprint)
            part = None if least_s is None else least_s / dispatch.seconds
            rates.append(Rate(dispatch, footprint, dispatch.seconds, part))
    return rates


def giga(rate: float) -> str:
    """A rate in thousands of millions, to three digits; "-" for none."""
    if not rate:
        return "-"
    return f"{rate / _GIGA:.0f}" if rate >= 99.5 * _GIGA else f"{rate / _GIGA:.3g}"


def peaks_in_words(peaks: Peaks) -> str:
    """The peaks of a machine for people."""
    threads = f"{peaks.threads} thread{'' if peaks.threads == 1 else 's'}"
    rates = f"{giga(peaks.operations_per_s)} GFLOP/s of {PEAK_TYPE}, {giga(peaks.bytes_per_s)} GB/s from memory"
    return f"{rates}, on {threads}"


def roofline(identity: str, breakdown: Breakdown, peaks: Peaks) -> Plot | None:
    """Operations a second over operations per byte, below the machine's peaks. None if no dispatch can be placed."""
    before, after = (
        [rate for rate in rates_of(dispatches, peaks) if rate.footprint.intensity and rate.limit_part is not None]
        for dispatches in (breakdown.untuned, breakdown.tuned)
    )
    if not before and not after:
        return None
    frame = _LogFrame.around([*before, *after], peaks)
    text = f"The machine's peaks: {peaks_in_words(peaks)}."
    signs = [Sign("line", "line", "the machine's peaks"), Sign("ring", "dot", "untuned")]
    signs += [Sign("dot", "winner", "tuned")] if after else []
    canvas = Canvas(identity, ROOFLINE, text, _HEIGHT + legend_height(signs))
    frame.axes(canvas)
    legend(canvas, _HEIGHT, signs)
    _draw_roof(canvas, frame, peaks)
    for rate in before:
        canvas.ring(*frame.place(rate), "dot", hint=_hint(rate))
    for rate in after:
        canvas.dot(*frame.place(rate), "winner", 3.5, _hint(rate))
    rows = [(name, *_row(rate)) for name, rates in (("untuned", before), ("tuned", after)) for rate in rates]
    columns = ("model", "dispatch", "operations per byte", "GFLOP/s", "GB/s", "part of the limit")
    return Plot(ROOFLINE, str(canvas), columns, tuple(rows))


def _row(rate: Rate) -> tuple[str, ...]:
    intensity = f"{rate.footprint.intensity:.3g}" if rate.footprint.intensity else "-"
    name = rate.dispatch.problem or rate.dispatch.name
    return name, intensity, giga(rate.operations_per_s), giga(rate.bytes_per_s), rate.limit


def _hint(rate: Rate) -> str:
    return (
        f"{rate.dispatch.problem or rate.dispatch.name}: {duration(rate.seconds)},"
        f" {giga(rate.operations_per_s)} GFLOP/s, {giga(rate.bytes_per_s)} GB/s"
    )


def _draw_roof(canvas: Canvas, frame: _LogFrame, peaks: Peaks) -> None:
    knee = peaks.operations_per_s / peaks.bytes_per_s
    low, high = frame.across
    # Below the lowest rate that is shown there is no slope.
    low = max(low, frame.up[0] / peaks.bytes_per_s)
    points = [(low, low * peaks.bytes_per_s), (knee, peaks.operations_per_s), (high, peaks.operations_per_s)]
    canvas.line([(frame.x(across), frame.y(up)) for across, up in points], "line", 2)
    words = f"{giga(peaks.operations_per_s)} GFLOP/s"
    canvas.text(WIDTH - _RIGHT, frame.y(peaks.operations_per_s) - 6, words, "faint", "end")
    words = f"{giga(peaks.bytes_per_s)} GB/s"
    # Beside the slope, in the middle of its visible part.
    middle = math.sqrt(low * knee)
    canvas.text(frame.x(middle) + 10, frame.y(middle * peaks.bytes_per_s) + 10, words, "faint", halo=True)


@dataclass(frozen=True, slots=True)
class _LogFrame:
    """A pair of logarithmic axes, of whole powers of ten: operations per byte across, operations a second up."""

    across: tuple[float, float]
    up: tuple[float, float]

    @staticmethod
    def around(rates: Sequence[Rate], peaks: Peaks) -> _LogFrame:
        """Axes that show these rates, and where the peaks meet."""
        knee = peaks.operations_per_s / peaks.bytes_per_s
        across = [knee, *(rate.footprint.intensity or knee for rate in rates)]
        up = [peaks.operations_per_s, *(rate.operations_per_s for rate in rates)]
        return _LogFrame(_powers(min(across), max(across)), _powers(min(up), 1.5 * max(up)))

    def x(self, value: float) -> float:
        """The distance of a value from the left."""
        return _LEFT + _part(value, self.across) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """The distance of a value from the top."""
        bottom = _HEIGHT - _BOTTOM
        return bottom - _part(value, self.up) * (bottom - _TOP)

    def place(self, rate: Rate) -> tuple[float, float]:
        """Where a dispatch is drawn."""
        return self.x(rate.footprint.intensity or self.across[0]), self.y(rate.operations_per_s)

    def axes(self, canvas: Canvas) -> None:
        """Draws the grid, its numbers, and the names of the axes."""
        bottom = _HEIGHT - _BOTTOM
        for mark in _decades(self.up):
            canvas.line([(_LEFT, self.y(mark)), (WIDTH - _RIGHT, self.y(mark))], "grid")
            canvas.text(_LEFT - 6, self.y(mark) + 4, f"{mark / _GIGA:g}", "faint", "end")
        for mark in _decades(self.across):
            canvas.line([(self.x(mark), _TOP), (self.x(mark), bottom)], "grid", 1, "2 3")
            canvas.text(self.x(mark), bottom + 16, f"{mark:g}", "faint", "middle")
        canvas.text((_LEFT + WIDTH - _RIGHT) / 2, bottom + 33, "operations per byte", "faint", "middle")
        canvas.text(0, 12, "GFLOP/s", "faint")


def _part(value: float, ends: tuple[float, float]) -> float:
    """The place of a value between the ends, from 0 to 1. What lies beyond is drawn at the end."""
    low, high = ends
    part = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return min(1.0, max(0.0, part))


def _powers(low: float, high: float) -> tuple[float, float]:
    """The powers of ten around two values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return 10.0**first, 10.0 ** max(last, first + 1)


def _decades(ends: tuple[float, float]) -> list[float]:
    """The powers of ten from one end to the other, at most six."""
    first, last = (round(math.log10(end)) for end in ends)
    step = max(1, math.ceil((last - first) / 5))
    return [10.0**power for power in range(first, last + 1, step)]

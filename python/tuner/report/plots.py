# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The plots of a report. Each comes with a table of what it shows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from tuner.report.importance import Importance
from tuner.report.knobs import Value
from tuner.report.plot import Plot, Sign, legend, legend_height
from tuner.report.recorded_run import RecordedCandidate
from tuner.report.svg import FONT, LETTER, WIDTH, Canvas, mix, readable_on, shortened, ticks
from tuner.specs.certificate import Certificate

_INK, _FAINT, _GRID = "ink", "faint", "grid"
_LINE, _DOT, _WINNER, _FAILED, _EMPTY = "line", "dot", "winner", "failed", "empty"
_PALE, _DEEP = "#e8f1fa", "#0b3d75"
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 12.0, 26.0, 38.0
_WHOLE = "whole model"
_MOST_KNOBS = 8
# Values of a knob: with more, the cells are too narrow for their numbers.
_MOST_COLUMNS = 8
# The colour scale of a heat map: its height, and the number of colours that it shows.
_SCALE, _SHADES = 26.0, 8


def convergence(identity: str, candidates: Sequence[RecordedCandidate], winner: int | None) -> Plot:
    """The best speed-up so far and each candidate's own, over the candidates' numbers. The default is the first."""
    best, steps = 0.0, []
    for candidate in candidates:
        best = max(best, candidate.speedup or 0.0)
        steps.append((candidate.number, best))
    failed = [candidate for candidate in candidates if candidate.speedup is None]
    last = max(number for number, _ in steps)
    title = "Best raw speed-up so far"
    text = f"After {last} candidates the best measured {best:.2f} times the default's speed; {len(failed)} failed."
    signs = [Sign("line", _LINE, "best so far"), Sign("dot", _DOT, "a candidate")]
    signs += [Sign("cross", _FAILED, "one that failed")] if failed else []
    signs += [Sign("dot", _WINNER, "the winner")] if winner is not None else []
    canvas = Canvas(identity, title, text, 230 + legend_height(signs))
    plot = _Frame(canvas, (0.0, float(max(last, 1))), (0.0, 1.08 * max(best, 1.0)), 230)
    plot.axes("candidates", "times the default's speed, from a few samples")
    legend(canvas, 230, signs)
    for candidate in candidates:
        if candidate.speedup is None:
            canvas.cross(
                plot.x(candidate.number), plot.y(0), _FAILED, f"candidate {candidate.number}: {candidate.fate.value}"
            )
        elif candidate.number != winner:
            canvas.dot(
                plot.x(candidate.number),
                plot.y(candidate.speedup),
                _DOT,
                1.8,
                f"{candidate.number}: {candidate.speedup:.2f}",
            )
    stairs: list[tuple[float, float]] = []
    for number, height in steps:
        if stairs:
            stairs.append((plot.x(number), stairs[-1][1]))
        stairs.append((plot.x(number), plot.y(height)))
    canvas.line(stairs, _LINE, 2)
    for candidate in candidates:
        if candidate.number == winner and candidate.speedup is not None:
            canvas.dot(
                plot.x(candidate.number), plot.y(candidate.speedup), _WINNER, 4.5, f"the winner, candidate {winner}"
            )
    rises = [steps[0], *(step for before, step in itertools.pairwise(steps) if step[1] > before[1])]
    rows = tuple((str(number), f"{height:.3f}") for number, height in rises)
    return Plot(title, str(canvas), ("candidate", "best speed-up so far"), rows)


def intervals(identity: str, certificates: Sequence[Certificate]) -> Plot:
    """The speed-up of each comparison with the default, with its 95 % interval, on a logarithmic axis."""
    title = "Speed-up over the default, with 95 % intervals"
    names = [_WHOLE if certificate.problem is None else certificate.name for certificate in certificates]
    # No two entries solve one problem, and what they solve says more than the compiler's names.
    labels = [_WHOLE if certificate.problem is None else certificate.problem.label for certificate in certificates]
    low = min(0.9, *(certificate.ratio.low for certificate in certificates))
    high = max(1.1, *(certificate.ratio.high for certificate in certificates))
    top = 6.0
    height = 34.0 * len(certificates) + top + _BOTTOM
    text = "; ".join(f"{name} {certificate.ratio}" for name, certificate in zip(names, certificates, strict=True))
    signs = [Sign("dot", _WINNER, "in use"), Sign("dot", _DOT, "not in use: the default stays")]
    canvas = Canvas(identity, title, text, height + legend_height(signs))
    legend(canvas, height, signs)
    left, right = 14.0, WIDTH - 14.0

    def x(ratio: float) -> float:
        part = (math.log(ratio) - math.log(low)) / (math.log(high) - math.log(low))
        return left + part * (right - left)

    bottom = height - _BOTTOM
    for mark in _log_ticks(low, high):
        canvas.line([(x(mark), top), (x(mark), bottom)], _INK if mark == 1 else _GRID, 1, "" if mark == 1 else "2 3")
        canvas.text(x(mark), bottom + 15, f"{mark:g}", _FAINT, "middle")
    canvas.text((left + right) / 2, height - 6, "times the default's speed", _FAINT, "middle")
    for row, (label, certificate) in enumerate(zip(labels, certificates, strict=True)):
        y = top + 34.0 * row
        color = _WINNER if certificate.accepted else _DOT
        room = int((right - left) / LETTER) - len(str(certificate.ratio)) - 2
        canvas.text(left, y + 12, shortened(label, room), _INK, halo=True)
        canvas.text(right, y + 12, str(certificate.ratio), _INK, "end", halo=True)
        canvas.line([(x(certificate.ratio.low), y + 23), (x(certificate.ratio.high), y + 23)], color, 2)
        for end in (certificate.ratio.low, certificate.ratio.high):
            canvas.line([(x(end), y + 18), (x(end), y + 28)], color, 2)
        canvas.dot(x(certificate.ratio.value), y + 23, color, 3.5, str(certificate.ratio))
    rows = tuple(
        (
            name,
            *(f"{value:.3f}" for value in (certificate.ratio.value, certificate.ratio.low, certificate.ratio.high)),
            _kept(certificate),
        )
        for name, certificate in zip(names, certificates, strict=True)
    )
    return Plot(title, str(canvas), ("what", "speed-up", "from", "to", "in the spec"), rows)


def importance_bars(identity: str, found: Importance) -> Plot:
    """The importance of the knobs: their shares of what a forest loses when they are shuffled."""
    title = "Which knobs matter"
    shown = found.shares[:_MOST_KNOBS]
    text = ", ".join(f"{name} {share:.0%}" for name, share in shown)
    height = 36.0 * len(shown) + 6
    canvas = Canvas(identity, title, text, height)
    room = WIDTH - 60.0
    longest = max((share for _, share in shown), default=0.0) or 1.0
    for row, (name, share) in enumerate(shown):
        y = 36.0 * row
        canvas.text(0, y + 13, shortened(name, int(WIDTH / LETTER)), _INK)
        canvas.box(0, y + 18, room * share / longest, 12, _LINE, f"{name}: {share:.1%}")
        canvas.text(room * share / longest + 6, y + 28, f"{share:.0%}", _FAINT)
    rows = tuple((name, f"{share:.1%}") for name, share in found.shares)
    return Plot(title, str(canvas), ("knob", "importance"), rows)


def heat_map(
    identity: str, names: tuple[str, str], pairs: Sequence[tuple[Value, Value]], speedups: Sequence[float]
) -> Plot:
    """The best measured speed-up for each pair of two knobs' values."""
    best: dict[tuple[Value, Value], float] = {}
    for pair, speedup in zip(pairs, speedups, strict=True):
        best[pair] = max(speedup, best.get(pair, 0.0))
    # The knob of fewer values goes across: there is less room.
    if len({pair[0] for pair in best}) < len({pair[1] for pair in best}):
        names, best = (names[1], names[0]), {(b, a): speedup for (a, b), speedup in best.items()}
    downs, acrosses = (sorted({pair[index] for pair in best}, key=_order) for index in (0, 1))
    title = f"{names[0]} (down) and {names[1]} (across)"
    acrosses = _thinned(acrosses, best)
    shown = {pair: speedup for pair, speedup in best.items() if pair[1] in acrosses}
    lowest, highest = min(shown.values()), max(shown.values())
    top_pair = max(shown, key=shown.__getitem__)
    text = f"Best speed-up for each pair; the highest, {highest:.2f}, at {top_pair[0]} and {top_pair[1]}."
    left = 12 + LETTER * max(len(_short(value)) for value in downs)
    cell, tall = (WIDTH - left) / len(acrosses), 24.0
    bottom = tall * (len(downs) + 1)
    canvas = Canvas(identity, title, text, bottom + _SCALE)
    _scale(canvas, bottom, lowest, highest)
    for column, across in enumerate(acrosses):
        canvas.text(left + (column + 0.5) * cell, 16, _short(across), _FAINT, "middle")
    for row, down in enumerate(downs):
        y = tall * (row + 1)
        canvas.text(left - 6, y + 16, _short(down), _FAINT, "end")
        for column, across in enumerate(acrosses):
            value = shown.get((down, across))
            part = 0.0 if value is None or highest == lowest else (value - lowest) / (highest - lowest)
            color = _EMPTY if value is None else mix(_PALE, _DEEP, part)
            words = "never measured" if value is None else f"{value:.2f}"
            canvas.box(left + column * cell + 1, y + 1, cell - 2, tall - 2, color, f"{down}, {across}: {words}")
            if value is not None:
                ink = readable_on(color)
                canvas.text(left + (column + 0.5) * cell, y + 16, f"{value:.2f}", ink, "middle")
    order = sorted(best, key=lambda pair: -best[pair])
    rows = tuple((str(pair[0]), str(pair[1]), f"{best[pair]:.3f}") for pair in order)
    return Plot(title, str(canvas), (names[0], names[1], "best speed-up"), rows)


def _scale(canvas: Canvas, top: float, lowest: float, highest: float) -> None:
    """Draws the colours of a heat map in order, between the numbers that the ends stand for."""
    canvas.text(0, top + 18, f"{lowest:.2f}", _FAINT)
    left, width = LETTER * 7, 14.0
    for step in range(_SHADES):
        canvas.box(left + width * step, top + 8, width, 12, mix(_PALE, _DEEP, step / (_SHADES - 1)))
    right = left + width * _SHADES
    canvas.text(right + 6, top + 18, f"{highest:.2f}", _FAINT)
    canvas.box(right + LETTER * 10, top + 8, 12, 12, _EMPTY)
    canvas.text(right + LETTER * 10 + 17, top + 18, "not measured", _FAINT)


class _Frame:
    """A pair of linear axes beside the plotting area of a canvas."""

    def __init__(self, canvas: Canvas, across: tuple[float, float], up: tuple[float, float], height: float) -> None:
        self._canvas = canvas
        self._across, self._up = across, up
        self._bottom = height - _BOTTOM

    def x(self, value: float) -> float:
        """The distance of a value from the left."""
        low, high = self._across
        return _LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """The distance of a value from the top."""
        low, high = self._up
        return self._bottom - (value - low) / (high - low) * (self._bottom - _TOP)

    def axes(self, across: str, up: str) -> None:
        """Draws the grid, its numbers, and the names of the axes."""
        for mark in ticks(*self._up):
            self._canvas.line([(_LEFT, self.y(mark)), (WIDTH - _RIGHT, self.y(mark))], _GRID)
            self._canvas.text(_LEFT - 6, self.y(mark) + 4, f"{mark:g}", _FAINT, "end")
        for mark in ticks(*self._across):
            self._canvas.text(self.x(mark), self._bottom + 16, f"{mark:g}", _FAINT, "middle")
        self._canvas.text((_LEFT + WIDTH - _RIGHT) / 2, self._bottom + 33, across, _FAINT, "middle")
        self._canvas.text(0, FONT, up, _FAINT)


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis, including 1: no more than fit beside each other."""
    if high / low < 3:
        return sorted({1.0, *(round(mark, 10) for mark in ticks(low, high, 4))})
    marks = [factor * 10.0**power for power in range(-3, 5) for factor in (1, 2, 5)]
    inside = [mark for mark in marks if low <= mark <= high]
    return inside if len(inside) <= 8 else [mark for mark in inside if math.log10(mark) == round(math.log10(mark))]


def _thinned(values: list[Value], best: dict[tuple[Value, Value], float]) -> list[Value]:
    """The values that go across, in order. If there are too many, those with the best speed-ups are kept."""
    if len(values) <= _MOST_COLUMNS:
        return values
    heights = {value: max(speedup for pair, speedup in best.items() if pair[1] == value) for value in values}
    kept = sorted(values, key=lambda value: -heights[value])[:_MOST_COLUMNS]
    return [value for value in values if value in kept]


def _order(value: Value) -> tuple[bool, float, str]:
    return (isinstance(value, str), 0.0 if isinstance(value, str) else float(value), str(value))


def _short(value: Value) -> str:
    return shortened(str(value), 10)


def _kept(certificate: Certificate) -> str:
    return "yes" if certificate.accepted else "no"

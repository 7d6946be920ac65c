# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The best times of two runs, problem by problem."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.report.comparison import Matched
from tuner.report.plot import Plot, Sign, legend, legend_height
from tuner.report.svg import LETTER, WIDTH, Canvas, shortened
from tuner.terminal.units import duration

_ROW, _BAR = 48.0, 11.0
# Problems that are drawn; the table has all.
_MOST = 12


def pair_bars(identity: str, matched: Sequence[Matched]) -> Plot | None:
    """Two bars for each problem that both runs timed, the longer as wide as the plot. None if there is no such one."""
    both = [
        (pair.label, pair.first.best_s, pair.second.best_s, pair.faster)
        for pair in matched
        if pair.first and pair.second and pair.first.best_s and pair.second.best_s and pair.faster
    ]
    if not both:
        return None
    shown = sorted(both, key=lambda entry: -max(entry[1], entry[2]))[:_MOST]
    title = "Best time of each run"
    text = "; ".join(f"{label} {duration(ours)} and {duration(theirs)}" for label, ours, theirs, _ in shown)
    signs = [Sign("box", "dot", "the first run"), Sign("box", "line", "the second run")]
    canvas = Canvas(identity, title, text, _ROW * len(shown) + legend_height(signs))
    for row, (label, first_s, second_s, faster) in enumerate(shown):
        top = _ROW * row
        words = f"{duration(first_s)} → {duration(second_s)}, {faster:.2f}x"
        canvas.text(0, top + 13, shortened(label, int(WIDTH / LETTER) - len(words) - 2), "ink")
        canvas.text(WIDTH, top + 13, words, "faint", "end")
        for place, (seconds, color) in enumerate(((first_s, "dot"), (second_s, "line"))):
            width = WIDTH * seconds / max(first_s, second_s)
            canvas.box(0, top + 18 + (_BAR + 1) * place, width, _BAR, color, duration(seconds))
    legend(canvas, _ROW * len(shown), signs)
    columns = ("problem", "first run", "second run", "first ÷ second")
    rows = tuple((label, duration(ours), duration(theirs), f"{faster:.3f}") for label, ours, theirs, faster in both)
    return Plot(title, str(canvas), columns, rows)

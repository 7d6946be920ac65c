# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A plot of a report, and the legend that explains its marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.report.svg import LETTER, WIDTH, Canvas

Mark = Literal["line", "dot", "ring", "cross", "box"]
# Heights and widths in the coordinate system of a canvas.
LEGEND_ROW = 17.0
_MARK, _GAP = 16.0, 14.0


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing as SVG, and what it shows as a table."""

    title: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """What a mark of a plot means."""

    mark: Mark
    color: str
    words: str

    @property
    def width(self) -> float:
        """Its width in a legend."""
        return _MARK + LETTER * len(self.words) + _GAP


def legend_height(signs: Sequence[Sign]) -> float:
    """The height of the legend of these signs."""
    return LEGEND_ROW * len(_legend_rows(signs))


def legend(canvas: Canvas, top: float, signs: Sequence[Sign]) -> None:
    """Draws a legend, in as many rows as it needs, below `top`."""
    for number, row in enumerate(_legend_rows(signs)):
        x, y = 0.0, top + LEGEND_ROW * number + 0.6 * LEGEND_ROW
        for sign in row:
            _draw(canvas, sign, x + 0.4 * _MARK, y - 4)
            canvas.text(x + _MARK, y, sign.words, "faint")
            x += sign.width


def _legend_rows(signs: Sequence[Sign]) -> list[list[Sign]]:
    rows: list[list[Sign]] = []
    used = WIDTH
    for sign in signs:
        if used + sign.width - _GAP > WIDTH:
            rows.append([])
            used = 0.0
        rows[-1].append(sign)
        used += sign.width
    return rows


def _draw(canvas: Canvas, sign: Sign, x: float, y: float) -> None:
    match sign.mark:
        case "line":
            canvas.line([(x - 6, y), (x + 6, y)], sign.color, 2)
        case "dot":
            canvas.dot(x, y, sign.color, 3.5)
        case "ring":
            canvas.ring(x, y, sign.color)
        case "cross":
            canvas.cross(x, y, sign.color)
        case "box":
            canvas.box(x - 5, y - 5, 10, 10, sign.color)

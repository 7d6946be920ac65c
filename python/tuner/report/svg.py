# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Drawings in SVG. A canvas has a title and a description for readers who cannot see it."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

Anchor = Literal["start", "middle", "end"]

# Units of the coordinate system: narrow enough for a phone, on which text must not shrink.
WIDTH = 380.0
FONT = 12.0
# The width of most letters.
LETTER = 0.55 * FONT

# Colours by their names: on a light page, on a dark one. Drawings name them, and the page's style chooses.
PALETTE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ink": ("#1a1a1a", "#ececec"),
        "faint": ("#5c5c5c", "#b0b0b0"),
        "grid": ("#d0d0d0", "#4a4a4a"),
        "paper": ("#ffffff", "#17181a"),
        "line": ("#0b5cad", "#74b6ff"),
        "dot": ("#7a7a7a", "#9c9c9c"),
        "winner": ("#b34700", "#ff9d52"),
        "failed": ("#b00020", "#ff8a94"),
        "empty": ("#f0f0f0", "#303236"),
    }
)

_PAINTED = ("fill", "stroke")
_NO_STROKE = ("stroke", "none")


def palette_style() -> str:
    """CSS by which drawings take their colours from the palette, the dark ones if the reader prefers them."""

    def rules(place: int) -> str:
        return "\n".join(
            f".{what}-{name} {{ {what}: {colors[place]}; }}" for name, colors in PALETTE.items() for what in _PAINTED
        )

    return f"{rules(0)}\n@media (prefers-color-scheme: dark) {{\n{rules(1)}\n}}"


class Canvas:
    """Shapes in a coordinate system of `WIDTH` by `height`, with y downwards.

    A colour is a name of the palette, or #rrggbb for one that is the same on light and dark pages.
    """

    def __init__(self, identity: str, title: str, description: str, height: float) -> None:
        """`identity` must be unique on the page."""
        self._svg = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {WIDTH:g} {height:g}",
                "role": "img",
                "aria-labelledby": f"{identity}-title {identity}-text",
                "font-family": "system-ui, sans-serif",
                "font-size": f"{FONT:g}",
            },
        )
        ElementTree.SubElement(self._svg, "title", {"id": f"{identity}-title"}).text = title
        ElementTree.SubElement(self._svg, "desc", {"id": f"{identity}-text"}).text = description

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1.0, dash: str = "") -> None:
        """A line through points."""
        self._shape(
            "polyline",
            points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
            stroke=color,
            stroke_width=f"{width:g}",
            **({"stroke_dasharray": dash} if dash else {}),
        )

    def dot(self, x: float, y: float, color: str, radius: float = 2.5, hint: str = "") -> None:
        """A filled circle."""
        self._hint(self._shape("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:g}", fill=color), hint)

    def ring(self, x: float, y: float, color: str, radius: float = 3.5, hint: str = "") -> None:
        """A circle that is not filled."""
        place = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}"}
        self._hint(self._shape("circle", fill="paper", stroke=color, stroke_width="1.5", **place), hint)

    def cross(self, x: float, y: float, color: str, hint: str = "") -> None:
        """A small cross."""
        path = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"
        self._hint(self._shape("path", d=path, stroke=color, stroke_width="1.5"), hint)

    def box(self, x: float, y: float, width: float, height: float, color: str, hint: str = "") -> None:
        """A filled rectangle."""
        size = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{max(width, 0):.1f}", "height": f"{height:.1f}"}
        self._hint(self._shape("rect", fill=color, **size), hint)

    def text(self, x: float, y: float, words: str, color: str, anchor: Anchor = "start", *, halo: bool = False) -> None:
        """Words whose baseline starts, has its middle, or ends at a point. A halo keeps lines off them."""
        attributes = {"stroke": "paper", "stroke_width": "4", "paint_order": "stroke"} if halo else {}
        element = self._shape("text", x=f"{x:.1f}", y=f"{y:.1f}", fill=color, text_anchor=anchor, **attributes)
        element.text = words

    def __str__(self) -> str:
        return ElementTree.tostring(self._svg, encoding="unicode")

    def _shape(self, tag: str, *, fill: str = "none", stroke: str = "none", **attributes: str) -> ElementTree.Element:
        painted = {what: color for what, color in (("fill", fill), ("stroke", stroke)) if (what, color) != _NO_STROKE}
        classes = [f"{what}-{color}" for what, color in painted.items() if color in PALETTE]
        # The attributes serve a drawing that is taken out of the page.
        colors = {what: PALETTE[color][0] if color in PALETTE else color for what, color in painted.items()}
        others = {name.replace("_", "-"): value for name, value in attributes.items()}
        return ElementTree.SubElement(
            self._svg, tag, {**others, **colors, **({"class": " ".join(classes)} if classes else {})}
        )

    @staticmethod
    def _hint(element: ElementTree.Element, words: str) -> None:
        if words:
            ElementTree.SubElement(element, "title").text = words


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """About `about` round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten."""
    if high <= low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def shortened(words: str, letters: int) -> str:
    """Words of at most `letters` letters: of longer ones the middle is left out."""
    if len(words) <= letters:
        return words
    tail = (letters - 1) // 2
    return f"{words[: letters - 1 - tail]}…{words[-tail:]}"


def mix(low: str, high: str, part: float) -> str:
    """A colour `part` of the way between two, each as #rrggbb."""
    ends = [[int(color[index : index + 2], 16) for index in (1, 3, 5)] for color in (low, high)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))


def readable_on(color: str) -> str:
    """Black or white, whichever contrasts more with a colour.

    Source: relative luminance, WCAG 2.2.
    """
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"

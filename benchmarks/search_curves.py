# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws how a search approaches the optimum, as SVG and CSV: a panel for each space, a line for each strategy."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

# Curves by strategy and space, shape [seeds, candidates].
Curves = Mapping[tuple[str, str], np.ndarray]

_COLOURS = ("#0072b2", "#009e73", "#d55e00", "#cc79a7", "#777777", "#000000")
_WIDTH, _HEIGHT, _MARGIN = 340, 230, 42
_LOWEST = 0.3


def write_curves(curves: Curves, folder: Path, trials: int) -> None:
    """Writes `search_curves.svg` and `search_curves.csv`: the mean over the seeds, with their quartiles as a band."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "search_curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["strategy", "space", "evaluation", "mean", "lower_quartile", "upper_quartile"])
        for (strategy, space), each in curves.items():
            for index in range(trials):
                writer.writerow([strategy, space, index + 1, *(f"{value:.4f}" for value in _band(each[:, index]))])
    (folder / "search_curves.svg").write_text(_svg(curves, trials))


def _band(values: np.ndarray) -> tuple[float, float, float]:
    return float(values.mean()), float(np.quantile(values, 0.25)), float(np.quantile(values, 0.75))


def _svg(curves: Curves, trials: int) -> str:
    strategies = list(dict.fromkeys(strategy for strategy, _ in curves))
    spaces = list(dict.fromkeys(space for _, space in curves))
    columns = min(2, len(spaces))
    width, height = columns * _WIDTH, -(-len(spaces) // columns) * _HEIGHT + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11"><rect width="{width}" height="{height}" fill="white"/>'
    ]
    for index, strategy in enumerate(strategies):
        x = 20 + index * (width - 40) // len(strategies)
        colour = _COLOURS[index % len(_COLOURS)]
        parts.append(
            f'<rect x="{x}" y="8" width="14" height="4" fill="{colour}"/><text x="{x + 18}" y="14">{strategy}</text>'
        )
    for number, space in enumerate(spaces):
        left, top = number % columns * _WIDTH, number // columns * _HEIGHT + 24
        parts.append(f'<g transform="translate({left},{top})">{_axes(space, trials)}')
        for index, strategy in enumerate(strategies):
            if (each := curves.get((strategy, space))) is not None:
                parts.append(_line(each[:, :trials], _COLOURS[index % len(_COLOURS)], filled=index == 0))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _axes(space: str, trials: int) -> str:
    lines = [f'<text x="{_MARGIN}" y="14" font-weight="bold">{space}</text>']
    for tenth in range(round(10 * _LOWEST), 11):
        y = _y(tenth / 10)
        lines.append(
            f'<path d="M{_MARGIN} {y:.0f}H{_WIDTH - 8}" stroke="#ddd"/>'
            f'<text x="{_MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end">{tenth / 10:.1f}</text>'
        )
    for evaluation in range(20, trials + 1, 20):
        x = _x(evaluation - 1, trials)
        lines.append(f'<text x="{x:.0f}" y="{_HEIGHT - 20}" text-anchor="middle">{evaluation}</text>')
    return "".join(lines)


def _line(each: np.ndarray, colour: str, *, filled: bool) -> str:
    mean, lower, upper = (np.array(values) for values in zip(*(_band(column) for column in each.T), strict=True))
    trials = len(mean)

    def path(values: np.ndarray, order: range) -> str:
        return " ".join(f"{_x(index, trials):.1f},{_y(float(values[index])):.1f}" for index in order)

    line = f'<polyline points="{path(mean, range(trials))}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    if not filled:
        return line
    band = f"{path(lower, range(trials))} {path(upper, range(trials - 1, -1, -1))}"
    return f'<polygon points="{band}" fill="{colour}" opacity="0.15"/>{line}'


def _x(index: int, trials: int) -> float:
    return _MARGIN + index * (_WIDTH - 8 - _MARGIN) / max(1, trials - 1)


def _y(fraction: float) -> float:
    return 22 + (1 - max(_LOWEST, fraction)) / (1 - _LOWEST) * (_HEIGHT - 22 - 36)

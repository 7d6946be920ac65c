# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a notebook shows: HTML without a script, and tables of pandas. Knows no results, only text and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from tuner.errors import InputError

if TYPE_CHECKING:
    import pandas

_RIGHT = ' style="text-align: right"'


def page(
    headline: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    commands: Mapping[str, str],
) -> str:
    """A headline, a table, and commands below what each is for. All of it is text, which is escaped.

    The table's first column and its last are aligned to the left, as text is; the others hold figures.
    """
    aligned = ["", *[_RIGHT] * (len(heads) - 2), ""]
    lines = [_line("th", heads, aligned), *(_line("td", row, aligned) for row in rows)]
    parts = ["<div>", f"<p><strong>{escape(headline)}</strong></p>", "<table>", *lines, "</table>"]
    parts += [f"<p>{escape(purpose)}: <code>{escape(text)}</code></p>" for purpose, text in commands.items()]
    return "\n".join([*parts, "</div>"])


def frame(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """The rows as a table of pandas. What a row lacks is missing there. Raises InputError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise InputError("to_pandas() needs pandas, which is not installed; run: pip install pandas") from error
    # Integers stay integers beside missing values.
    return pandas.DataFrame(rows).convert_dtypes()


def knob_columns(point: Mapping[str, int]) -> dict[str, int]:
    """The knobs of a point as columns. Their prefix keeps a knob from hiding another column."""
    return {f"knob_{name}": value for name, value in point.items()}


def _line(tag: str, cells: Sequence[str], aligned: Sequence[str]) -> str:
    made = (f"<{tag}{style}>{escape(cell)}</{tag}>" for style, cell in zip(aligned, cells, strict=True))
    return f"<tr>{''.join(made)}</tr>"

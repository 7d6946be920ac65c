# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data that somebody else wrote: text is made safe for terminals and reports, impossible times are refused."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

# Control characters but tab and newline, halves of surrogate pairs, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# Characters of a value that a message shows.
_SHOWN = 40

# A picosecond, and thirty years.
_SHORTEST_S, _LONGEST_S = 1e-12, 1e9


def printable(text: str) -> str:
    """The text, with each character that acts on a terminal as a Python escape sequence."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text)


def error_line(text: str) -> str:
    """The first line of a tool's text that has `error:`, from there on; "" if there is none."""
    line = next((line for line in printable(text).splitlines() if "error:" in line), "")
    return line[line.find("error:") :].strip() if line else ""


def reason_of(error: BaseException) -> str:
    """What an error of other code says, in one line: the one that has `error:`, else the first that is not empty."""
    lines = [line.strip() for line in printable(str(error)).splitlines() if line.strip()]
    return error_line(str(error)) or (lines[0] if lines else repr(error))


def shown(value: Any) -> str:
    """The first characters of a value for a message, however large or deep the value is."""
    return printable((value if isinstance(value, str) else reprlib.repr(value))[:_SHOWN])


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError if it is no JSON, is nested too deeply, or holds NaN."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is no number")


def check_times(what: str, times_s: Iterable[float | None]) -> None:
    """Raises ValueError if no program can take one of these times. None, for no time, is allowed."""
    for time_s in times_s:
        if time_s is not None and not _SHORTEST_S <= time_s <= _LONGEST_S:
            raise ValueError(f"{what}: {time_s:g} s is no time that a program takes")


def check_rounds(baseline_s: Sequence[float], candidate_s: Sequence[float]) -> None:
    """Raises ValueError unless each round, of at least one, has a time of both programs."""
    if len(baseline_s) != len(candidate_s) or not baseline_s:
        raise ValueError(
            f"it has {len(baseline_s)} times of the default and {len(candidate_s)} of the candidate; the same number"
            " of both is needed, and one at least"
        )
    check_times("baseline_s", baseline_s)
    check_times("candidate_s", candidate_s)


def check_edge_slowdown(slowdown: float) -> None:
    """Raises ValueError for a slowdown at the edges of operands (as in `tuner.outcome.Evaluation`) that is none."""
    if not 1.0 <= slowdown <= _LONGEST_S / _SHORTEST_S:
        raise ValueError(f"edge_slowdown: {slowdown:g} is no slowdown, which is 1 or more")


def check_ratios(what: str, ratios: Iterable[float | None]) -> None:
    """Raises ValueError if one of these is no ratio of two times. None, for no ratio, is allowed."""
    for ratio in ratios:
        if ratio is not None and not _SHORTEST_S / _LONGEST_S <= ratio <= _LONGEST_S / _SHORTEST_S:
            raise ValueError(f"{what}: {ratio:g} is no ratio of two times")

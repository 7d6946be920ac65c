# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Durations and numbers of things as people read them."""

from __future__ import annotations

# The least seconds that a time is given in a unit for, and the seconds of the unit.
_UNITS = ((1.0, 1.0, "s"), (1e-4, 1e-3, "ms"))


def duration(seconds: float) -> str:
    """A measured time with three digits: in seconds, milliseconds, or microseconds below 0.1 ms."""
    for least_s, unit_s, unit in _UNITS:
        # What rounds up to the next unit has that one.
        if seconds >= 0.9995 * least_s:
            return f"{_three_digits(seconds / unit_s)} {unit}"
    return f"{_three_digits(seconds * 1e6)} us"


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def rough(seconds: float) -> str:
    """An expected time, in units that people use: `45 s`, `12 min`, `1 h 30 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, noun: str) -> str:
    """A number of things, as in `1 dispatch` and `1,200 dispatches`."""
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Durations as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A measured time to three digits: in microseconds below 0.1 ms, in seconds from 1 s on, else in milliseconds."""
    if seconds >= 0.9995:
        return f"{seconds:.0f} s" if seconds >= 99.95 else f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-4 else f"{seconds * 1e6:.3g} us"


def rough(seconds: float) -> str:
    """An expected time, in units that people use: `45 s`, `12 min`, `1 h 30 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"

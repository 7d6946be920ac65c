# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What times that were recorded elsewhere must be like for anything to be computed of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# A picosecond, and thirty years.
_SHORTEST_S, _LONGEST_S = 1e-12, 1e9


def check_times(what: str, times_s: Iterable[float | None]) -> None:
    """Raises ValueError if one of them is no time that a program can take; None is no time at all."""
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


def check_ratios(what: str, ratios: Iterable[float | None]) -> None:
    """Raises ValueError if one of them is no ratio of two times; None is no ratio at all."""
    for ratio in ratios:
        if ratio is not None and not _SHORTEST_S / _LONGEST_S <= ratio <= _LONGEST_S / _SHORTEST_S:
            raise ValueError(f"{what}: {ratio:g} is no ratio of two times")

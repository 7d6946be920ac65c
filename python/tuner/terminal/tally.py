# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts the candidates of a search: the pace, the best, the failures, and the time left. Reads no clock."""

from __future__ import annotations

from collections import Counter

# Candidates: the pace of fewer is mostly chance.
_FEWEST_TO_JUDGE = 3


class Tally:
    """Counts since the last `expect`. Times are seconds of one clock, which the caller reads."""

    def __init__(self) -> None:
        self.expect(None, 0.0)

    def expect(self, total: int | None, now_s: float) -> None:
        """Resets the counts: `total` candidates are ahead, None if their number is unknown."""
        self._total = total
        self._started_s = self._last_s = now_s
        self._ended = self._fresh = 0
        self._best = 1.0
        self._failed: Counter[str] = Counter()

    def add(self, best: float, failure: str | None, now_s: float, *, stored: bool) -> None:
        """Counts a candidate that ended now.

        `best`: the best speed-up so far. `failure`: the kind of its failure. `stored`: whether an earlier run tried it.
        """
        self._ended += 1
        self._last_s = now_s
        self._fresh += not stored
        self._best = best
        if failure is not None:
            self._failed[failure] += 1

    @property
    def ended(self) -> int:
        """The number of candidates that have ended, including those of earlier runs."""
        return self._ended

    @property
    def is_complete(self) -> bool:
        """Whether all expected candidates have ended."""
        return self._ended == self._total

    def left_s(self, now_s: float) -> float | None:
        """Seconds that the remaining candidates take at the pace so far; None if their number or the pace is unknown.

        It goes down while a candidate is tried, at most by what one takes.
        """
        if self._total is None or self._fresh < _FEWEST_TO_JUDGE:
            return None
        one_s = (self._last_s - self._started_s) / self._fresh
        return max(0.0, (self._total - self._ended) * one_s - min(now_s - self._last_s, one_s))

    @property
    def text(self) -> str:
        """The counts as a line for people, as they were when the last candidate ended."""
        # Parts of what does not pay are tried beyond what was planned.
        is_within = self._total is not None and self._ended <= self._total
        parts = [f"{self._ended} of {self._total} candidates" if is_within else f"{self._ended} candidates"]
        elapsed_s = self._last_s - self._started_s
        if self._fresh and elapsed_s > 0:
            parts.append(f"{60 * self._fresh / elapsed_s:.0f} a minute")
        parts.append(f"raw best {self._best:.2f}x")
        if self._failed:
            parts.append("failed: " + " ".join(f"{kind} {count}" for kind, count in sorted(dict(self._failed).items())))
        return ", ".join(parts)

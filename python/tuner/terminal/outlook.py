# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Says how long a run still takes, once its search is planned. Reads no clock."""

from __future__ import annotations

# Candidates: the pace of fewer is mostly chance.
_FEWEST_TO_JUDGE = 3


class Outlook:
    """What is left of a run: candidates at their pace, finals, and the steps after the search.

    Times are seconds of one clock, which the caller reads.
    """

    def __init__(self, candidates: int, dispatches: int, finals_s: float, then_s: float) -> None:
        """`finals_s`: what the finals of all dispatches are expected to take, `then_s`: what follows the search."""
        self._candidates = candidates
        self._dispatches = dispatches
        self._final_s = finals_s / max(1, dispatches)
        self._then_s = then_s
        self._fresh = self._finals = 0
        self._searched_s = self._compared_s = 0.0
        # When the last candidate ended, or something else did.
        self._last_s = 0.0
        # What goes on, and since when: candidates, a final, or what follows the search.
        self._doing = ""
        self._since_s = 0.0

    def start(self, what: str, now_s: float) -> None:
        """`candidates`, a `final` or what comes `then` starts; what went on before ends."""
        spent_s = now_s - self._since_s
        if self._doing == "candidates":
            self._searched_s += now_s - self._last_s
        elif self._doing == "final":
            self._compared_s += spent_s
        self._doing, self._since_s = what, now_s
        self._last_s = now_s

    def add_candidate(self, now_s: float, *, stored: bool) -> None:
        """A candidate ended; `stored`: an earlier run tried it."""
        self._searched_s += now_s - self._last_s
        self._last_s = now_s
        self._candidates -= 1
        self._fresh += not stored

    def end_dispatch(self, now_s: float, *, had_final: bool) -> None:
        """A dispatch has its verdict."""
        self.start("", now_s)
        self._dispatches -= 1
        self._finals += had_final

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the run ends, about; None if that is not known, or if it takes longer than expected."""
        spent_s = now_s - self._since_s
        if self._doing == "then" or self._dispatches <= 0:
            left_s = self._then_s - (spent_s if self._doing == "then" else 0.0)
            return left_s if left_s > 0 else None
        if self._candidates > 0 and self._fresh < _FEWEST_TO_JUDGE:
            return None
        candidate_s = self._searched_s / max(1, self._fresh)
        candidates_s = max(0, self._candidates) * candidate_s
        if self._doing == "candidates" and candidates_s:
            candidates_s -= min(now_s - self._last_s, candidate_s)
        final_s = self._compared_s / self._finals if self._finals else self._final_s
        finals_s = self._dispatches * final_s - (spent_s if self._doing == "final" else 0.0)
        return candidates_s + max(0.0, finals_s) + self._then_s

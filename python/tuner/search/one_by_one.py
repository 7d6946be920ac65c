# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What strategies share that choose one row at a time, from the rows that were measured so far."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from tuner.constraints import Pool
from tuner.search import unasked


class OneByOneSearch(ABC):
    """Asks for the initial rows first, then for what `_proposal` returns, or a random row if that is None."""

    def __init__(self, pool: Pool, rng: np.random.Generator, initial: list[int]) -> None:
        self._pool = pool
        self._rng = rng
        self._initial = list(dict.fromkeys(initial))
        self._asked: dict[int, None] = {}
        self._times: dict[int, float] = {}

    def ask(self, count: int) -> list[int]:
        """Up to `count` rows, chosen one after the other."""
        rows: list[int] = []
        while len(rows) < count and (row := self._next()) is not None:
            self._asked[row] = None
            rows.append(row)
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """Keeps the time of a row; a failed row counts as asked."""
        if time_s is not None:
            self._times[row] = time_s

    @abstractmethod
    def _proposal(self) -> int | None:
        """A row that was not asked, or None, chosen by `_best`. Called only after a row was measured."""

    def _best(self, count: int) -> list[int]:
        return sorted(self._times, key=self._times.__getitem__)[:count]

    def _next(self) -> int | None:
        if self._initial:
            return self._initial.pop(0)
        row = self._proposal() if self._times else None
        if row is None:
            free = unasked(self._pool, self._asked)
            row = int(self._rng.choice(free)) if free.size else None
        return row

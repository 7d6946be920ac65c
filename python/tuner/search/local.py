# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Space-filling start, then the neighbourhood of the best rows, with some random rows throughout."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Pool, sample_space_filling
from tuner.search import NO_PRIOR, Prior, unasked

_INITIAL_SHARE = 0.35
_RANDOM_SHARE = 0.15
_ELITE = 3
# Among the nearest free neighbours, one of so many is drawn: the very nearest often differs in nothing that counts.
_NEIGHBOURHOOD = 6


class LocalStrategy:
    """A third of the trials fill the space; the rest are drawn near one of the three best rows so far."""

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        self._pool = pool
        self._rng = rng
        self._features = pool.features()
        self._times: dict[int, float] = {}
        self._asked: list[int] = []
        best_before = sorted(prior, key=lambda row: prior[row])[:_ELITE]
        self._initial = best_before + sample_space_filling(pool, max(4, round(trials * _INITIAL_SHARE)), rng)

    def ask(self, count: int) -> list[int]:
        rows: list[int] = []
        for _ in range(count):
            row = self._next()
            if row is None:
                break
            self._asked.append(row)
            rows.append(row)
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        if time_s is not None:
            self._times[row] = time_s

    def _next(self) -> int | None:
        while self._initial:
            row = self._initial.pop(0)
            if row not in self._asked:
                return row
        free = unasked(self._pool, self._asked)
        if not free.size:
            return None
        if not self._times or self._rng.random() < _RANDOM_SHARE:
            return int(self._rng.choice(free))
        elite = sorted(self._times, key=lambda row: self._times[row])[:_ELITE]
        weights = 1.0 / np.arange(1, len(elite) + 1)
        centre = elite[int(self._rng.choice(len(elite), p=weights / weights.sum()))]
        distance = np.abs(self._features[free] - self._features[centre]).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[:_NEIGHBOURHOOD]
        return int(free[int(self._rng.choice(nearest))])

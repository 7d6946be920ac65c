# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Simulated annealing: a walk that goes downhill, and less and less often uphill."""

from __future__ import annotations

import math

import numpy as np

from tuner.constraints import Pool
from tuner.search import NO_PRIOR, Prior, best_before, unasked

_FROM_AN_EARLIER_SEARCH = 3
_CANDIDATES_FOR_A_STEP = 32


class AnnealingStrategy:
    """Steps to the nearest of some random rows. A slower row is accepted by chance."""

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        self._pool, self._rng = pool, rng
        self._features = pool.features()
        self._first = best_before(prior, _FROM_AN_EARLIER_SEARCH)
        self._asked: set[int] = set()
        self._here: tuple[int, float] | None = None
        self._temperature, self._cooling = 0.3, 0.01 ** (1 / max(trials, 1))

    def ask(self, count: int) -> list[int]:
        rows: list[int] = []
        while len(rows) < count and len(self._asked) < len(self._pool):
            row = self._first.pop(0) if self._first else self._step()
            self._asked.add(row)
            rows.append(row)
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        if time_s is None or time_s <= 0:
            return
        height = math.log(time_s)
        if self._here is None or self._rng.random() < math.exp(min(0.0, self._here[1] - height) / self._temperature):
            self._here = (row, height)
        self._temperature *= self._cooling

    def _step(self) -> int:
        free = unasked(self._pool, self._asked)
        drawn = self._rng.choice(free, size=min(_CANDIDATES_FOR_A_STEP, len(free)), replace=False)
        if self._here is None:
            return int(drawn[0])
        distance = np.abs(self._features[drawn] - self._features[self._here[0]]).sum(axis=1)
        return int(drawn[np.argmin(distance)])

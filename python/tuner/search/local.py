# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Space-filling start, then the neighbourhood of the best rows, with some random rows throughout."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Pool, sample_space_filling
from tuner.search import NO_PRIOR, Prior, best_before, unasked
from tuner.search.models.features import Features
from tuner.search.one_by_one import OneByOneSearch

_INITIAL_SHARE = 0.35
_RANDOM_SHARE = 0.15
_ELITE = 3
# The number of nearest free neighbours from which one is drawn: the very nearest often differs in nothing that matters.
_NEIGHBOURHOOD = 6
# Rows of a larger pool that are drawn at random: neighbours are sought among them.
_SEARCHED = 100_000


class LocalStrategy(OneByOneSearch):
    """A third of the candidates fill the space; the rest are drawn near one of the three best rows so far."""

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        filling = sample_space_filling(pool, max(4, round(trials * _INITIAL_SHARE)), rng)
        super().__init__(pool, rng, best_before(prior, _ELITE) + filling)
        self._features = Features(pool)

    def _proposal(self) -> int | None:
        """A free neighbour of one of the best; None at random."""
        free = unasked(self._pool, self._asked)
        if not free.size or self._rng.random() < _RANDOM_SHARE:
            return None
        elite = self._best(_ELITE)
        weights = 1.0 / np.arange(1, len(elite) + 1)
        centre = elite[int(self._rng.choice(len(elite), p=weights / weights.sum()))]
        if free.size > _SEARCHED:
            free = np.unique(self._rng.choice(free, _SEARCHED))
        distance = np.abs(self._features(free) - self._features(np.array([centre]))).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[:_NEIGHBOURHOOD]
        return int(free[int(self._rng.choice(nearest))])

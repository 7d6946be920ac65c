# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search by models of time: fill the space first, then try where a model expects the most improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool, sample_space_filling
from tuner.search import unasked
from tuner.search.surrogates import Surrogate, expected_improvement, failure_probability

_INITIAL = 12
# A model looks at no more rows than this at a time: a fresh draw, and the neighbourhood of the best.
_LOOKED_AT = 20_000
_NEIGHBOURS = 2_000
_ELITE = 3


class ModelBasedSearch:
    """Several models take turns within a batch; each asks for the row of its greatest expected improvement."""

    def __init__(
        self,
        pool: Pool,
        rng: np.random.Generator,
        trials: int,
        surrogates: Sequence[Callable[[np.random.Generator], Surrogate]],
    ) -> None:
        """`surrogates`: makers of the models, in the order of their turns."""
        self._pool = pool
        self._rng = rng
        self._surrogates = [make(rng) for make in surrogates]
        self._asked: list[int] = []
        self._times: dict[int, float | None] = {}
        self._initial = sample_space_filling(pool, min(_INITIAL, max(2, trials // 2)), rng)
        self._turn = 0

    def ask(self, count: int) -> list[int]:
        """See Strategy."""
        rows = self._initial[:count]
        self._initial = self._initial[count:]
        self._asked += rows
        if len(rows) < count:
            chosen = self._by_models(count - len(rows))
            self._asked += chosen
            rows = rows + chosen
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """See Strategy."""
        self._times[row] = time_s

    def _by_models(self, count: int) -> list[int]:
        free = unasked(self._pool, self._asked)
        told = np.array(sorted(self._times), dtype=np.int64)
        failed = np.array([self._times[int(row)] is None for row in told], dtype=bool)
        if len(free) <= count or (~failed).sum() < 2:
            return [int(row) for row in self._rng.permutation(free)[:count]]
        times = np.array([self._times[int(row)] for row in told[~failed]], dtype=np.float64)
        log_times = np.log(times)
        log_times = (log_times - log_times.mean()) / max(float(log_times.std()), 1e-9)
        looked_at = self._looked_at(free, told[~failed][np.argsort(times, kind="stable")[:_ELITE]])
        features = self._features(looked_at)
        observed = self._features(told)
        seed = int(self._rng.integers(2**31))
        chance = 1.0 - failure_probability(observed, failed, features, seed)
        worth: dict[int, npt.NDArray[np.float64]] = {}
        chosen: list[int] = []
        for _ in range(count):
            turn = self._turn % len(self._surrogates)
            self._turn += 1
            if turn not in worth:
                model = self._surrogates[turn]
                model.learn(observed[~failed], log_times)
                worth[turn] = chance * expected_improvement(*model.predict(features), float(log_times.min()))
            gain = worth[turn].copy()
            gain[chosen] = -np.inf
            chosen.append(int(gain.argmax()))
        return [int(looked_at[index]) for index in chosen]

    def _looked_at(self, free: npt.NDArray[np.int64], elite: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if len(free) <= _LOOKED_AT:
            return free
        features = self._features(free)
        near = [
            free[np.argpartition(np.abs(features - centre).sum(axis=1), _NEIGHBOURS)[:_NEIGHBOURS]]
            for centre in self._features(elite)
        ]
        drawn = self._rng.choice(free, _LOOKED_AT - _ELITE * _NEIGHBOURS, replace=False)
        return np.unique(np.concatenate([drawn, *near]))

    def _features(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return Pool(self._pool.knobs, self._pool.rows[rows]).features()

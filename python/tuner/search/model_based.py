# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search by models of time: fill the space first, then try where a model expects the most improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool, sample_space_filling
from tuner.search import Prior, unasked
from tuner.search.surrogates import Surrogate, expected_improvement, failure_probability

# A space is filled by two rows for each knob that varies, within these bounds, before models are asked.
_FEWEST_INITIAL, _MOST_INITIAL = 10, 20
# A model looks at no more rows than this at a time: a fresh draw, and the neighbourhood of the best.
_LOOKED_AT = 20_000
_NEIGHBOURS = 2_000
_ELITE = 3
# So many of the best rows of an earlier search are tried first, and half as many rows fill the space.
_WARM_FIRST = 6


class ModelBasedSearch:
    """Several models take turns within a batch; each asks for the row of its greatest expected improvement."""

    def __init__(
        self,
        pool: Pool,
        rng: np.random.Generator,
        trials: int,
        prior: Prior,
        surrogates: Sequence[Callable[[np.random.Generator], Surrogate]],
    ) -> None:
        """`surrogates`: makers of the models, in the order of their turns."""
        self._pool = pool
        self._rng = rng
        self._prior = {row: time for row, time in prior.items() if time > 0}
        self._surrogates = [make(rng) for make in surrogates]
        self._asked: list[int] = []
        self._times: dict[int, float | None] = {}
        self._initial = self._first_rows(trials)
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

    def _first_rows(self, trials: int) -> list[int]:
        varying = sum(1 for knob in self._pool.knobs if len(knob.domain) > 1)
        count = min(max(_FEWEST_INITIAL, min(_MOST_INITIAL, 2 * varying)), max(2, trials // 2))
        if not self._prior:
            return sample_space_filling(self._pool, count, self._rng)
        best = sorted(self._prior, key=lambda row: self._prior[row])[:_WARM_FIRST]
        filling = sample_space_filling(self._pool, count // 2, self._rng)
        return list(dict.fromkeys([*best, *filling]))

    def _by_models(self, count: int) -> list[int]:
        free = unasked(self._pool, self._asked)
        told = np.array(sorted(self._times), dtype=np.int64)
        failed = np.array([self._times[int(row)] is None for row in told], dtype=bool)
        if len(free) <= count or (~failed).sum() < 2:
            return [int(row) for row in self._rng.permutation(free)[:count]]
        measured = told[~failed]
        log_times = _standardised(np.array([self._times[int(row)] for row in measured], dtype=np.float64))
        looked_at = self._looked_at(free, measured[np.argsort(log_times, kind="stable")[:_ELITE]])
        features = self._features(looked_at)
        observed = self._features(told)
        seed = int(self._rng.integers(2**31))
        chance = 1.0 - failure_probability(observed, failed, features, seed)
        known, known_times = self._with_prior(observed[~failed], log_times)
        asked_of = _marked(features, 0.0) if self._prior else features
        worth: dict[int, npt.NDArray[np.float64]] = {}
        chosen: list[int] = []
        for _ in range(count):
            turn = self._turn % len(self._surrogates)
            self._turn += 1
            if turn not in worth:
                model = self._surrogates[turn]
                model.learn(known, known_times)
                worth[turn] = chance * expected_improvement(*model.predict(asked_of), float(log_times.min()))
            gain = worth[turn].copy()
            gain[chosen] = -np.inf
            chosen.append(int(gain.argmax()))
        return [int(looked_at[index]) for index in chosen]

    def _with_prior(
        self, features: npt.NDArray[np.float64], log_times: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The observations, with those of an earlier search beside them, told apart by one more column."""
        if not self._prior:
            return features, log_times
        rows = np.array(sorted(self._prior), dtype=np.int64)
        earlier = _standardised(np.array([self._prior[int(row)] for row in rows]))
        return (
            np.concatenate([_marked(features, 0.0), _marked(self._features(rows), 1.0)]),
            np.concatenate([log_times, earlier]),
        )

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


def _standardised(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    log_times = np.log(times)
    standardised: npt.NDArray[np.float64] = (log_times - log_times.mean()) / max(float(log_times.std()), 1e-9)
    return standardised


def _marked(features: npt.NDArray[np.float64], mark: float) -> npt.NDArray[np.float64]:
    return np.column_stack([features, np.full(len(features), mark)])

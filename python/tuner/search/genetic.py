# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A genetic algorithm: parents by tournament, uniform crossover, mutation of single knobs."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Pool, sample_uniform
from tuner.search import NO_PRIOR, Prior, unasked

_POPULATION = 20
_TOURNAMENT = 3
_ATTEMPTS = 30


class GeneticStrategy:
    """The first twenty rows are random; each later one is a child of two of the twenty best so far."""

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        self._pool = pool
        self._rng = rng
        best_before = sorted(prior, key=lambda row: prior[row])[: _POPULATION // 2]
        drawn = sample_uniform(pool, min(_POPULATION, trials), rng)
        self._initial = list(dict.fromkeys([*best_before, *drawn]))[:_POPULATION]
        self._row_of = {tuple(values): row for row, values in enumerate(pool.rows.tolist())}
        self._asked: list[int] = []
        self._times: dict[int, float] = {}

    def ask(self, count: int) -> list[int]:
        """See Strategy."""
        rows: list[int] = []
        for _ in range(count):
            row = self._initial.pop(0) if self._initial else self._child()
            if row is None:
                break
            self._asked.append(row)
            rows.append(row)
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """See Strategy."""
        if time_s is not None:
            self._times[row] = time_s

    def _child(self) -> int | None:
        """An untried valid child, or a random untried row where thirty attempts give none."""
        parents = sorted(self._times, key=lambda row: self._times[row])[:_POPULATION]
        taken = set(self._asked)
        for _ in range(_ATTEMPTS if parents else 0):
            mother, father = (self._pool.rows[self._tournament(parents)] for _ in range(2))
            genes = np.where(self._rng.random(len(mother)) < 0.5, mother, father)
            for index, knob in enumerate(self._pool.knobs):
                if self._rng.random() < 1.0 / len(self._pool.knobs):
                    genes[index] = self._rng.choice(knob.domain)
            row = self._row_of.get(tuple(genes.tolist()))
            if row is not None and row not in taken:
                return row
        free = unasked(self._pool, self._asked)
        return int(self._rng.choice(free)) if free.size else None

    def _tournament(self, parents: list[int]) -> int:
        return parents[int(self._rng.integers(len(parents), size=_TOURNAMENT).min())]

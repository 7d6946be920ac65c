# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A genetic algorithm: parents by tournament, uniform crossover, mutation of single knobs."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Pool, sample_uniform
from tuner.search import NO_PRIOR, Prior, best_before
from tuner.search.one_by_one import OneByOneSearch

_POPULATION = 20
_TOURNAMENT = 3
_ATTEMPTS = 30


class GeneticStrategy(OneByOneSearch):
    """The first twenty rows are random; each later one is a child of two of the twenty best so far."""

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        drawn = sample_uniform(pool, min(_POPULATION, trials), rng)
        initial = list(dict.fromkeys([*best_before(prior, _POPULATION // 2), *drawn]))[:_POPULATION]
        super().__init__(pool, rng, initial)
        self._row_of = {tuple(values): row for row, values in enumerate(pool.rows.tolist())}

    def _proposal(self) -> int | None:
        """An untried valid child; None if thirty attempts give none."""
        parents = self._best(_POPULATION)
        for _ in range(_ATTEMPTS):
            mother, father = (self._pool.rows[self._tournament(parents)] for _ in range(2))
            genes = np.where(self._rng.random(len(mother)) < 0.5, mother, father)
            for index, knob in enumerate(self._pool.knobs):
                if self._rng.random() < 1.0 / len(self._pool.knobs):
                    genes[index] = self._rng.choice(knob.domain)
            row = self._row_of.get(tuple(genes.tolist()))
            if row is not None and row not in self._asked:
                return row
        return None

    def _tournament(self, parents: list[int]) -> int:
        return parents[int(self._rng.integers(len(parents), size=_TOURNAMENT).min())]

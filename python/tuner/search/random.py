# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Uniform random search: the baseline that every other strategy has to beat."""

from __future__ import annotations

import numpy as np

from tuner.constraints import Pool, sample_uniform
from tuner.search import NO_PRIOR, Prior


class RandomStrategy:
    """Rows in uniformly random order, without repetition. It learns nothing, not even from earlier searches."""

    learns = False

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:  # noqa: ARG002
        self._left = sample_uniform(pool, trials, rng)

    def ask(self, count: int) -> list[int]:
        rows, self._left = self._left[:count], self._left[count:]
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """Ignores the time."""

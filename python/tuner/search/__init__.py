# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search strategies over a finite pool. They know rows and times, and nothing of IREE.

A strategy is one file, registered as an entry point of the group `tuner.strategies`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from tuner.constraints import Pool

__all__ = ["NO_PRIOR", "Prior", "Strategy", "best_before", "unasked"]

# Times of rows: measured in an earlier search, on another device or with another compiler, or predicted from similar
# problems. Their scale does not matter.
Prior = Mapping[int, float]
NO_PRIOR: Prior = MappingProxyType({})


class Strategy(Protocol):
    """Chooses what to try next. Equal seeds and equal times give equal choices.

    What was fastest in similar dispatches is tried beside that, unless the class has `learns = False`.
    """

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        """`trials`: how many rows will be asked for in all. `prior`: what an earlier search found on the same pool."""

    def ask(self, count: int) -> list[int]:
        """Up to `count` rows that were never asked before; fewer only if the pool ends."""

    def tell(self, row: int, time_s: float | None) -> None:
        """Receives the median time of a row, or None if it failed. Others may have asked for the row."""


def unasked(pool: Pool, asked: Collection[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The rows of the pool that are not in `asked`, in order."""
    free = np.ones(len(pool), dtype=bool)
    free[list(asked)] = False
    return np.flatnonzero(free)


def best_before(prior: Prior, count: int) -> list[int]:
    """The fastest rows of an earlier search."""
    return sorted(prior, key=prior.__getitem__)[:count]

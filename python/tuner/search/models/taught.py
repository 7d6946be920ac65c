# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trees that learn from pools of other problems how far a row is from its pool's best, and say how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.search.models.predicted import Array, Predicted

# Trees, in groups. A group is asked for a row of its own, so that the first rows differ as far as the trees do.
_TREES, _GROUPS = 48, 8
# The most by which a logarithm of a time counts as above its pool's best: what is slow need not be told apart.
_MOST_ABOVE = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Rows of a pool: features of shape [rows, columns], and what a rule of thumb makes of them.

    `expected`: logarithms of times, up to a constant, shape [rows]. Trees learn what is left: an effect that a rule
    knows is found in pools that are unlike all that was recorded.
    """

    features: Array
    expected: Array


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What was measured of rows of one pool: times of shape [rows], NaN for a failure.

    `weight`: how much a row counts.
    """

    described: Described
    times: Array
    weight: float = 1.0

    @property
    def left(self) -> Array:
        """By how much each row is further above the best than the rule expects. Shape [rows]."""
        above = above_best(self.times)
        expected = self.described.expected
        found: Array = above - (expected - expected[above.argmin()])
        return found


def above_best(times: Array) -> Array:
    """By how much the logarithm of each time is above the least; a failure counts as the worst. Shape [rows]."""
    log_times = np.log(np.where(np.isnan(times), np.inf, times))
    above: Array = np.minimum(log_times - log_times.min(), _MOST_ABOVE)
    return above


class Taught(Predicted):
    """What lessons say of the rows of another pool, relative to its best.

    `sure`: from 0 to 1, the part of the predicted variance that is not disagreement between groups of trees.
    """

    def __init__(
        self,
        lessons: Sequence[Lesson],
        describe: Callable[[npt.NDArray[np.int64]], Described],
        rows: npt.NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """`describe` gives rows of the pool the lessons' columns. `rows`: those among which the best is sought."""
        # Takes long to import, and most searches that need it have imported it by then.
        from sklearn.ensemble import ExtraTreesRegressor

        self._describe = describe
        self.learnt_from = sum(len(lesson.times) for lesson in lessons)
        seen = np.concatenate([lesson.described.features for lesson in lessons])
        left = np.concatenate([lesson.left for lesson in lessons])
        weights = np.concatenate([np.full(len(lesson.times), lesson.weight) for lesson in lessons])
        seed = int(rng.integers(2**31))
        self._trees = (
            ExtraTreesRegressor(_TREES, min_samples_leaf=2, max_features=0.5, random_state=seed)
            .fit(seen.astype(np.float32), left, sample_weight=weights)
            .estimators_
        )
        found = self._by_tree(rows)
        self._by_group = found.reshape(_GROUPS, -1, len(rows)).mean(axis=1)
        self._rows = rows
        mean, disagreement = found.mean(axis=0), float(self._by_group.var(axis=0).mean())
        self.sure = float(mean.var()) / max(float(mean.var()) + disagreement, 1e-12)
        self._times = dict(zip(rows.tolist(), np.exp(mean).tolist(), strict=True))

    def log_times(self, rows: npt.NDArray[np.int64]) -> Array:
        """By how much the logarithm of the time of each row is expected to be above the best. Shape [rows]."""
        mean: Array = self._by_tree(rows).mean(axis=0)
        return mean

    def first(self, count: int) -> list[int]:
        """The best row of all trees, then the best of each group of trees in turn."""
        means = (np.mean(self._by_group, axis=0), *self._by_group)
        orders = [np.argsort(times, kind="stable") for times in means]
        chosen: dict[int, None] = {}
        positions = [0] * len(orders)
        turn = 0
        while len(chosen) < min(count, len(self._rows)):
            order = orders[turn % len(orders)]
            while int(self._rows[order[positions[turn % len(orders)]]]) in chosen:
                positions[turn % len(orders)] += 1
            chosen[int(self._rows[order[positions[turn % len(orders)]]])] = None
            turn += 1
        return list(chosen)

    def _by_tree(self, rows: npt.NDArray[np.int64]) -> Array:
        described = self._describe(rows)
        features = described.features.astype(np.float32)
        found: Array = np.stack([tree.tree_.predict(features).ravel() for tree in self._trees])
        return found + described.expected

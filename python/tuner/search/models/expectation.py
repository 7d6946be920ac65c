# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Predicts a pool's times from measurements of other problems.

What makes one product fast mostly makes another fast too, if tiles are compared with the extents that they divide.
docs/benchmarks.md has figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool
from tuner.search.models.predicted import Predicted

Array = npt.NDArray[np.float64]

# Observations. Fewer say less than rows that fill the space.
_FEWEST = 20
# Observations that trees are trained on, the newest ones: fitting this many takes about a second.
_MOST = 4_000
_TREES = 100
# Rows of a larger pool that are drawn at random: the best is sought among them.
_SOUGHT = 200_000
# A knob of a loop's tile is named after a level and the loop, as in `distribution[m]`.
LOOP_OF_KNOB = re.compile(r"\[(\w+)\]$")


@dataclass(frozen=True, slots=True)
class Observation:
    """One measurement: the trip counts of the problem's loops and the knobs, by name, and seconds of one run."""

    extents: Mapping[str, int]
    point: Mapping[str, int]
    time_s: float


class Expectation(Predicted):
    """A prior of all rows, or of many that were drawn: their expected seconds."""

    def __init__(
        self, pool: Pool, extents: Mapping[str, int], observations: Sequence[Observation], rng: np.random.Generator
    ) -> None:
        """`extents`: trip counts of the loops of the problem that the pool is for, by name."""
        # Takes long to import, and most searches that need it have imported it by then.
        from sklearn.ensemble import ExtraTreesRegressor

        self._pool = pool
        self._names = [knob.name for knob in pool.knobs]
        self._loops = list(extents)
        self._extents = np.array([[*extents.values()]], dtype=np.float64)
        points, trips = [seen.point for seen in observations], [seen.extents for seen in observations]
        values = np.array([[point[name] for name in self._names] for point in points], dtype=np.float64)
        loops = np.array([[counts[name] for name in self._loops] for counts in trips], dtype=np.float64)
        # The time of one iteration, which says how well iterations are done.
        log_times = np.log([seen.time_s for seen in observations]) - np.log(loops).sum(axis=1)
        seed = int(rng.integers(2**31))
        self._model = ExtraTreesRegressor(_TREES, min_samples_leaf=2, max_features=0.5, random_state=seed).fit(
            _features(self._names, values, self._loops, loops), log_times
        )
        self.learnt_from = len(observations)
        rows = np.arange(len(pool))
        if len(pool) > _SOUGHT:
            rows = np.sort(rng.choice(rows, _SOUGHT, replace=False))
        self._fill(rows)

    def log_times(self, rows: npt.NDArray[np.int64]) -> Array:
        """The logarithm of the expected seconds of rows, shape [rows]."""
        values = self._pool.rows[rows].astype(np.float64)
        loops = np.broadcast_to(self._extents, (len(rows), self._extents.shape[1]))
        of_one: Array = self._model.predict(_features(self._names, values, self._loops, loops))
        return of_one + float(np.log(self._extents).sum())


def expect(
    pool: Pool, extents: Mapping[str, int], observations: Sequence[Observation], rng: np.random.Generator
) -> Expectation | None:
    """What to expect of a pool, or None if too little was observed.

    Observations of other knobs or other loops are skipped. If there are many, only the last are used.
    """
    names = {knob.name for knob in pool.knobs}
    known = [seen for seen in observations if seen.point.keys() == names and seen.extents.keys() == extents.keys()]
    return Expectation(pool, extents, known[-_MOST:], rng) if len(known) >= _FEWEST and len(pool) else None


def _features(names: Sequence[str], values: Array, loops: Sequence[str], extents: Array) -> Array:
    """Logarithms of knobs, of extents and, for a loop's knob, of its steps through the loop. Shape [rows, features]."""
    columns = [np.log2(1 + np.abs(values)), np.log2(extents)]
    for index, name in enumerate(names):
        loop = LOOP_OF_KNOB.search(name)
        if loop and loop[1] in loops:
            many = np.ceil(extents[:, loops.index(loop[1])] / np.maximum(np.abs(values[:, index]), 1))
            columns.append(np.log2(many)[:, None])
    return np.column_stack(columns)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What models and neighbourhoods see of a row: its scaled knobs, and which of their values are round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool

Array = npt.NDArray[np.float64]

# Rows. The coordinates of a pool of at most this many are kept: some 20 MB.
_KEPT = 100_000


class Features:
    """Coordinates of a pool's rows.

    A column for each knob that varies, as `Pool.features` scales it, and one for its odd part, if that differs between
    its values: 48 lies between 32 and 64, yet a tile of 48 leaves a remainder on most extents that 32 and 64 divide.
    """

    def __init__(self, pool: Pool, *, odd_parts: bool = True) -> None:
        self._pool = pool
        self._all: Array | None = None
        self._varying = _varying(pool)
        known = self._varying.tolist() if odd_parts else []
        self._odd = [column for column in known if np.ptp(_odd(np.array(pool.knobs[column].domain))) > 0]

    def __len__(self) -> int:
        """The number of knobs that vary, at least one."""
        return len(self._varying)

    def __call__(self, rows: npt.NDArray[np.int64]) -> Array:
        """The coordinates of rows, each within [0, 1], shape [rows, columns]."""
        if len(self._pool) > _KEPT:
            return self._made(rows)
        if self._all is None:
            self._all = self._made(np.arange(len(self._pool)))
        return self._all[rows]

    def _made(self, rows: npt.NDArray[np.int64]) -> Array:
        chosen = Pool(self._pool.knobs, self._pool.rows[rows])
        odd = [_odd(chosen.rows[:, column]) / _odd(np.array(chosen.knobs[column].domain)).max() for column in self._odd]
        return np.column_stack([chosen.features()[:, self._varying], *odd])


def _varying(pool: Pool) -> npt.NDArray[np.int64]:
    """The columns that differ somewhere, or the first if none does."""
    varying = np.flatnonzero(np.ptp(pool.rows, axis=0)) if len(pool) else np.array([], dtype=np.int64)
    return varying if varying.size else np.array([0])


def _odd(values: npt.NDArray[np.int64]) -> Array:
    """The logarithm of the odd part of each value: 0 for powers of two and -1, and for all if one is below that."""
    if (values < -1).any():
        return np.zeros(len(values))
    powers = np.maximum(values & -values, 1)
    logarithms: Array = np.log2(np.maximum(values // powers, 1).astype(np.float64))
    return logarithms

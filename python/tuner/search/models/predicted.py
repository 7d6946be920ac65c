# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A prior that predicts every row of a pool, whatever it learnt that from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Predicted(Mapping[int, float], ABC):
    """Expected times of rows. As a mapping it holds rows among which the best is sought: all, or many drawn ones.

    `learnt_from`: the number of measurements behind it. `sure`: from 0, it knows nothing, to 1.
    """

    learnt_from: int = 0
    sure: float = 1.0
    _times: dict[int, float]

    @abstractmethod
    def log_times(self, rows: npt.NDArray[np.int64]) -> Array:
        """The logarithm of the expected times of rows, shape [rows]. Their scale need not be seconds."""

    def first(self, count: int) -> list[int]:
        """Up to `count` different rows to try first."""
        return sorted(self._times, key=self._times.__getitem__)[:count]

    def _fill(self, rows: npt.NDArray[np.int64]) -> None:
        """Predicts these rows, which the mapping then holds."""
        self._times = dict(zip(rows.tolist(), np.exp(self.log_times(rows)).tolist(), strict=True))

    def __getitem__(self, row: int) -> float:
        return self._times[row]

    def __iter__(self) -> Iterator[int]:
        return iter(self._times)

    def __len__(self) -> int:
        return len(self._times)

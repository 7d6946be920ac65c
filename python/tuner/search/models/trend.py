# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an earlier search predicts of rows, and how far to trust that here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tuner.search.models.surrogates import Array, GaussianProcess

# Observations that are kept, half of them the fastest, the others drawn: a process costs the cube of their number.
_MOST = 200
# The weight, in measured rows, of the assumption that a ratio there is a ratio here.
_WEIGHT = 3.0


def informed(
    here: Array, there: Array, observed: Array, log_times: Array, features: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Both sets of features with the predicted log times as one more column, and the part that these explain.

    `here` is predicted for the observed rows, `there` for the others. The result is in the order of the arguments of
    `View.of`. The share explained is a regression through the measured rows: it fades if they contradict.
    """
    level, span = here.mean(), max(float(np.ptp(here)), 1e-9)
    pull = _WEIGHT * float(here.var()) + 1e-12
    share = max(0.0, float((here - level) @ log_times + pull) / float((here - level) @ (here - level) + pull))
    return (
        np.column_stack([observed, (here - level) / span]),
        log_times,
        np.column_stack([features, (there - level) / span]),
        share * (here - level),
        share * (there - level),
    )


class Trend:
    """A model of the log times that an earlier search measured on some rows."""

    def __init__(self, features: Array, log_times: Array, rng: np.random.Generator) -> None:
        order: npt.NDArray[np.int64] = np.argsort(log_times, kind="stable")
        kept = np.concatenate([order[: _MOST // 2], rng.permutation(order[_MOST // 2 :])[: _MOST // 2]])
        self._scale = max(float(log_times.std()), 1e-9)
        self._model = GaussianProcess()
        self._model.learn(features[kept], (log_times[kept] - log_times.mean()) / self._scale)

    def expect(self, features: Array) -> Array:
        """The predicted log times, shape [rows]."""
        expected: Array = self._model.expect(features) * self._scale
        return expected

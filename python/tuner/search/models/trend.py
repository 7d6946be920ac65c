# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is expected of rows before they are tried, and how far that is to be believed here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tuner.search.models.surrogates import Array, GaussianProcess

# A process costs the cube of its observations: of longer searches, the fastest and a draw of the others are kept.
_MOST = 200
# What is expected is taken at its word (a ratio there is a ratio here) with the weight of so many measured rows.
_WEIGHT = 3.0


def informed(
    here: Array, there: Array, observed: Array, log_times: Array, features: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Both features with the log times expected as one more column, and how much of both log times these explain.

    `here` is what is expected of the observed rows, `there` of the others; the result is in the order that `View.of`
    takes. The share explained is a regression through the rows measured: it fades where they contradict.
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
        """The log times to be expected, shape [rows]."""
        expected: Array = self._model.expect(features) * self._scale
        return expected

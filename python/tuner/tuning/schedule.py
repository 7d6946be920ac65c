# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Says which dispatch gets the next batch of candidates: the one with the largest gain to be expected for its time.

Pure numbers, no compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The best of n + 4 candidates was faster than the best of n by 0.85 / n: the default strategy's mean curves on four
# recorded spaces (docs/search_curves.csv), from n = 4 to 28 (.79 to 1.15).
_GAIN_OF_ONE = 0.85 / 4
# The latest candidates whose gain counts as much as that expectation.
_WINDOW = 12
# A batch that is not expected to make the model faster by this fraction is not worth its time.
_LEAST_GAIN = 2e-4


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the search of one dispatch stands.

    `default_s`: seconds of the default in one run of the model, all its runs together. `best`: the best speed-up
    after each candidate so far, the default (1.0) first. `spent_s`: what they took. `left`: candidates that may
    still be asked for.
    """

    default_s: float
    best: Sequence[float]
    spent_s: float
    left: int


def expected_gain_s(standing: Standing, batch: int) -> float:
    """The seconds by which the next `batch` candidates are expected to shorten one run of the model."""
    if not standing.left:
        return 0.0
    tried = len(standing.best) - 1
    best = max(standing.best)
    usual = _GAIN_OF_ONE * min(batch, standing.left) / max(tried, 1)
    if tried < _WINDOW:
        relative = usual
    else:
        seen = (best / max(standing.best[:-_WINDOW]) - 1) * batch / _WINDOW
        relative = (usual + seen) / 2
    return standing.default_s / best * relative / (1 + relative)


def choose(standings: Sequence[Standing], batch: int, model_s: float) -> int | None:
    """Which of them gets the next batch, or None where no batch is worth its time.

    `model_s`: seconds of one run of the model. Whoever never had a batch is taken to need as long as the others did.
    """
    gains = [expected_gain_s(each, batch) for each in standings]
    tried = sum(len(each.best) - 1 for each in standings)
    usual_s = sum(each.spent_s for each in standings) / tried if tried else 1.0
    rates = [
        gain / (each.spent_s / (len(each.best) - 1) if len(each.best) > 1 else usual_s)
        for gain, each in zip(gains, standings, strict=True)
    ]
    worth = [index for index, gain in enumerate(gains) if gain >= _LEAST_GAIN * model_s]
    return max(worth, key=rates.__getitem__, default=None)

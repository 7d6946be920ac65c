# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How noisy the machine is right now, and how many samples that asks for.

The median of n samples of relative spread s errs by about 1.25 s / sqrt(n). A search has to tell candidates apart
that differ by a few percent, so 2 % is aimed at: a spread of 5 % needs the ten samples that a candidate gets at most
on a quiet machine; above it, more are taken.
Source: the standard error of a normal sample's median, sqrt(pi/2) s / sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_WANTED_ERROR = 0.02
_MEDIAN_FACTOR = math.sqrt(math.pi / 2)
# The interquartile range of a normal distribution, in standard deviations.
_IQR_OF_NORMAL = 1.349
_FEWEST_TO_JUDGE = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a candidate is sampled: at least and at most so many samples, as many as fit `seconds`."""

    min_samples: int
    max_samples: int
    seconds: float


QUIET = Effort(3, 10, 0.1)
NOISY = Effort(5, 20, 0.25)


def spread(samples_s: Sequence[float]) -> float:
    """The relative standard deviation of samples by their interquartile range, which one outlier does not move.

    0 where there are too few samples to judge.
    """
    if len(samples_s) < _FEWEST_TO_JUDGE:
        return 0.0
    low, middle, high = np.percentile(samples_s, [25, 50, 75])
    return float((high - low) / _IQR_OF_NORMAL / middle) if middle > 0 else 0.0


def is_noisy(samples_s: Sequence[float]) -> bool:
    """Whether the samples of a quiet machine's effort would not do."""
    return _MEDIAN_FACTOR * spread(samples_s) / math.sqrt(QUIET.max_samples) > _WANTED_ERROR

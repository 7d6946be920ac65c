# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How noisy the machine is right now, and how many samples that requires.

The median of n samples of relative spread s errs by about 1.25 s / sqrt(n). A search has to distinguish candidates that
differ by a few percent, so the aim is an error of 2 %. A spread of 5 % needs ten samples, the most that a candidate
gets on a quiet machine; above it, more are taken.
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
    """How much a candidate is sampled: `min_samples` to `max_samples` samples, as many as fit into `seconds`."""

    min_samples: int
    max_samples: int
    seconds: float


QUIET = Effort(3, 10, 0.1)
NOISY = Effort(5, 20, 0.25)


def typical_s(samples_s: Sequence[float]) -> float:
    """What a run takes, from samples: the lower quartile, since other work only ever adds to a sample.

    Of five samples against five others of the same program it differed by 0.2 % in the mean on a quiet CPU (the median
    by 0.3 %), by 0.6 % on a quiet GPU (0.8 %) and by 2.1 % on one of a busy host (2.7 %; the least of all 1.6 %).
    """
    ordered = sorted(samples_s)
    return ordered[(len(ordered) - 1) // 4]


def spread(samples_s: Sequence[float]) -> float:
    """The relative standard deviation of samples, from their interquartile range, which one outlier does not move.

    0 if there are too few samples to judge.
    """
    if len(samples_s) < _FEWEST_TO_JUDGE:
        return 0.0
    low, middle, high = np.percentile(samples_s, [25, 50, 75])
    return float((high - low) / _IQR_OF_NORMAL / middle) if middle > 0 else 0.0


def is_noisy(samples_s: Sequence[float]) -> bool:
    """Whether QUIET.max_samples samples would leave the median with too large an error."""
    return _MEDIAN_FACTOR * spread(samples_s) / math.sqrt(QUIET.max_samples) > _WANTED_ERROR

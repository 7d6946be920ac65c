# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Successive halving by medians: many candidates get a few samples, the promising ones more.

No candidate is dropped on one sample. With medians of two or more, a launch that the machine disturbed costs a
candidate its place far less often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)

# Samples of a candidate: the median of fewer means nothing.
_FEWEST = 2


def nothing() -> None:
    """Does nothing: the default before a round."""


def never() -> bool:
    """The time is never over: the default."""
    return False


def successive_halving(
    candidates: Sequence[Key],
    sample: Callable[[Key], float],
    rng: np.random.Generator,
    *,
    levels: Sequence[int],
    keep: float,
    before_round: Callable[[], None] = nothing,
    is_over: Callable[[], bool] = never,
) -> list[Key]:
    """The candidates from best to worst. The better a candidate is, the more samples it has.

    At each level every remaining candidate is sampled until it has that many samples, in rounds of random order. Then
    the best `keep` (a fraction, at least one candidate) advance. A sample counts relative to the others of its round,
    so that disturbances of a whole round cancel. `before_round` is called before each round. Once `is_over` returns
    true, the samples so far decide, at least two of each candidate.

    Raises ValueError unless `levels` are increasing numbers of at least two samples and `keep` is between 0 and 1.
    """
    if not levels or min(levels) < _FEWEST or list(levels) != sorted(set(levels)):
        raise ValueError(f"levels must be increasing numbers of samples from {_FEWEST}, not {tuple(levels)}")
    if not 0 < keep < 1:
        raise ValueError(f"keep must be a fraction between 0 and 1, not {keep}")
    samples: dict[Key, list[float]] = {candidate: [] for candidate in candidates}
    left = list(candidates)
    dropped: list[Key] = []
    for index, level in enumerate(levels):
        for taken in range(0 if index == 0 else levels[index - 1], level):
            if taken >= _FEWEST and is_over():
                return _ordered(left, samples) + dropped
            before_round()
            for position in rng.permutation(len(left)):
                candidate = left[int(position)]
                samples[candidate].append(sample(candidate))
        left = _ordered(left, samples)
        if index + 1 < len(levels):
            kept = max(1, math.ceil(keep * len(left)))
            dropped = left[kept:] + dropped
            left = left[:kept]
    return left + dropped


def _ordered(candidates: Sequence[Key], samples: Mapping[Key, Sequence[float]]) -> list[Key]:
    """The candidates by the median of their samples, each divided by the median of its round."""
    if not candidates:
        return []
    table = np.array([samples[candidate] for candidate in candidates])
    medians = np.median(table / np.median(table, axis=0), axis=1)
    return [candidates[int(position)] for position in np.argsort(medians, kind="stable")]

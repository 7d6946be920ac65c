# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decides from samples whether a candidate is faster than the default. Statistics only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Samples of the bootstrap.
_RESAMPLES = 2000
# The greatest width of a narrow interval, as a part of its value.
_NARROW = 0.1


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up (baseline / candidate, above 1 is better) with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, other: Ratio) -> Ratio:
        """The speed-up of what is so much faster than something that is itself so much faster."""
        return Ratio(self.value * other.value, self.low * other.low, self.high * other.high)

    def __str__(self) -> str:
        return f"{self.value:.2f}x [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Gains:
    """What the parts of a result give. `ops`, `flags` and `together` are speed-ups over the untuned model.

    `ops`: by the choices for single ops. `flags`: by the flags of the whole compilation, with these choices. `spec`: by
    the spec over the model with the choices and the flags. `together`: by all. A part is None if nothing was chosen, or
    if it was not measured by itself. `is_joint`: choices for single ops were made beside the flags, so `flags` is by
    both.
    """

    ops: Ratio | None
    flags: Ratio | None
    spec: Ratio | None
    together: Ratio
    is_joint: bool = False

    @property
    def flags_name(self) -> str:
        """What `flags` is by, for people."""
        return "flags and choices" if self.is_joint else "flags"


def speedup(baseline_s: Sequence[float], candidate_s: Sequence[float], *, seed: int = 0) -> Ratio:
    """The median of the rounds' ratios, and its percentile bootstrap interval.

    Effects on both samples of a round, such as drift or the place of the data in memory, cancel.
    """
    if len(baseline_s) != len(candidate_s) or not baseline_s:
        raise ValueError("the two series must have the same, positive number of rounds")
    ratios = np.array(baseline_s) / np.array(candidate_s)
    rng = np.random.default_rng(seed)
    resampled = np.median(ratios[rng.integers(0, len(ratios), (_RESAMPLES, len(ratios)))], axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def is_faster(ratio: Ratio, min_gain: float) -> bool:
    """Whether the interval excludes 1 and the gain is worth having; a tie goes to the default.

    The lower end of a wide interval must be worth having: rounds on a busy machine depend on each other, and the
    interval is then narrower than it should be (the same program twice: "faster" in 4 of 28 finals beside bursts of
    other work, 2 of them at 1.00 to 1.01).
    """
    return ratio.low > 1.0 and (ratio.value if _is_narrow(ratio) else ratio.low) >= 1.0 + min_gain


def is_faster_anywhere(ratio: Ratio, edge_slowdown: float, min_gain: float) -> bool:
    """Whether it is still faster in its worst memory placement (`edge_slowdown` times slower)."""
    return is_faster(ratio, min_gain) and ratio.value > edge_slowdown


def is_decided(ratio: Ratio, min_gain: float) -> bool:
    """Whether more rounds would hardly change the verdict: the interval is narrow and on one side of the threshold."""
    return (ratio.low >= 1.0 + min_gain or ratio.high < 1.0 + min_gain) and _is_narrow(ratio)


def _is_narrow(ratio: Ratio) -> bool:
    return ratio.high - ratio.low <= _NARROW * ratio.value


def is_told_apart(ratio: Ratio) -> bool:
    """Whether the interval excludes 1: it shows which of two is faster, by however little."""
    return ratio.low > 1.0 or ratio.high < 1.0

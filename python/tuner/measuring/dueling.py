# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decides which of two candidates is faster, by rounds of both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuner.measuring.halving import nothing
from tuner.measuring.sampling import Paired, paired
from tuner.speedup import is_told_apart, speedup


def faster_first(
    sample: Callable[[str], float],
    one: str,
    other: str,
    rng: np.random.Generator,
    *,
    before_round: Callable[[], None] = nothing,
    budget_s: float,
) -> tuple[str, str]:
    """Both candidates, the faster first.

    Rounds take one sample of each, until the times differ significantly or `budget_s` seconds are spent.
    """

    def decided(rounds: Paired) -> bool:
        return is_told_apart(speedup(rounds.baseline_s, rounds.candidate_s))

    rounds = paired(sample, one, other, rng=rng, decided=decided, before_round=before_round, budget_s=budget_s)
    return (other, one) if speedup(rounds.baseline_s, rounds.candidate_s).value > 1.0 else (one, other)

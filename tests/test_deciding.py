# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The verdict: ratios, intervals, and who wins a tie."""

import numpy as np
import pytest

from tuner.deciding import Ratio, is_decided, is_faster, speedup


def series(median: float, noise: float, rounds: int, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return list(median * (1 + noise * rng.exponential(size=rounds)))


def test_the_ratio_is_baseline_over_candidate() -> None:
    ratio = speedup([2.0] * 10, [1.0] * 10)
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        ratio = speedup(series(1.2, 0.1, 20, seed), series(1.0, 0.1, 20, seed + 1000))
        covered += ratio.low <= 1.2 <= ratio.high
    assert covered >= 180


def test_equal_programs_are_hardly_ever_called_faster() -> None:
    called = sum(
        is_faster(speedup(series(1.0, 0.1, 20, seed), series(1.0, 0.1, 20, seed + 1000)), 0.02) for seed in range(200)
    )
    assert called <= 8


def test_drift_that_hits_both_of_a_round_does_not_widen_the_verdict() -> None:
    drift = np.linspace(1, 3, 30)
    ratio = speedup(list(1.5 * drift), list(drift))
    assert ratio.value == pytest.approx(1.5)
    assert ratio.low > 1.0 or not is_faster(ratio, 0.02)


@pytest.mark.parametrize(
    ("ratio", "faster"),
    [
        (Ratio(1.5, 1.4, 1.6), True),
        (Ratio(1.5, 0.99, 2.0), False),
        (Ratio(1.01, 1.005, 1.015), False),
        (Ratio(0.9, 0.8, 0.95), False),
    ],
)
def test_a_tie_or_a_trifle_goes_to_the_default(ratio: Ratio, faster: bool) -> None:
    assert is_faster(ratio, 0.02) is faster


def test_more_rounds_are_asked_for_until_the_interval_is_on_one_side() -> None:
    assert is_decided(Ratio(1.5, 1.47, 1.53), 0.02)
    assert not is_decided(Ratio(1.03, 0.99, 1.06), 0.02)
    assert not is_decided(Ratio(1.5, 1.2, 1.9), 0.02)
    assert is_decided(Ratio(0.9, 0.88, 0.92), 0.02)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0, 2.0])])
def test_unpaired_series_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="number of rounds"):
        speedup(a, b)

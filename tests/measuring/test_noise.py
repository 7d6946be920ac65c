# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Noise is judged by the middle half of the samples if there are enough, against one threshold of spread."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.measuring.noise import NOISY, QUIET, is_noisy, spread, typical_s


def normal(relative: float, count: int = 4000) -> list[float]:
    return list(0.003 * (1 + relative * np.random.default_rng(0).standard_normal(count)))


@pytest.mark.parametrize("relative", [0.01, 0.05, 0.2])
def test_the_spread_of_normal_samples_is_their_deviation(relative: float) -> None:
    assert spread(normal(relative)) == pytest.approx(relative, rel=0.1)


def test_one_outlier_is_no_noise() -> None:
    samples = [*normal(0.01, 11), 1.0]
    assert spread(samples) < 0.03
    assert not is_noisy(samples)


def test_a_machine_that_is_disturbed_half_of_the_time_is_noisy() -> None:
    assert is_noisy([0.001, 0.0013] * 6)


def test_few_samples_are_not_judged() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0]) == 0.0


@pytest.mark.parametrize(("relative", "noisy"), [(0.0, False), (0.03, False), (0.08, True)])
def test_the_threshold_is_five_percent(relative: float, noisy: bool) -> None:
    assert is_noisy(normal(relative)) is noisy


def test_noise_asks_for_more() -> None:
    assert NOISY.min_samples > QUIET.min_samples
    assert NOISY.max_samples > QUIET.max_samples
    assert NOISY.seconds > QUIET.seconds


def test_what_a_run_takes_is_not_moved_by_other_work() -> None:
    """Samples of a program of 4 us on a GPU whose host had other work."""
    quiet, disturbed = [4.2, 4.3, 4.2, 4.4, 4.3], [124.6, 4.3, 38.4, 4.2, 83.7]
    assert typical_s(disturbed) == typical_s(sorted(disturbed)) == 4.3
    assert typical_s(quiet) == 4.2
    assert typical_s([5.0]) == 5.0

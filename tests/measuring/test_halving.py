# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Successive halving takes few samples and loses little, with and without noise."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.measuring.halving import successive_halving

LEVELS = (2, 5, 14, 32)
KEEP = 0.3


def test_without_noise_the_order_is_right_and_the_samples_are_few() -> None:
    times = dict(enumerate(np.random.default_rng(0).permutation(60) + 1.0))
    taken = dict.fromkeys(times, 0)

    def sample(key: int) -> float:
        taken[key] += 1
        return float(times[key])

    order = successive_halving(list(times), sample, np.random.default_rng(1), levels=LEVELS, keep=KEEP)
    assert order == sorted(times, key=lambda key: times[key])
    assert taken[order[0]] == 32
    assert min(taken.values()) == 2
    assert sum(taken.values()) < 0.15 * 32 * len(times)


def test_under_noise_it_loses_far_less_than_single_launches() -> None:
    halving, single = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        times = 1.0 + 0.01 * np.arange(60)

        def sample(key: int, rng: np.random.Generator = rng, times: np.ndarray = times) -> float:
            return float(times[key] * (1 + 0.05 * abs(rng.standard_normal())))

        best = successive_halving(range(60), sample, rng, levels=LEVELS, keep=KEEP)[0]
        halving.append(times[best] - 1.0)
        single.append(times[min(range(60), key=sample)] - 1.0)
    assert np.mean(halving) < 0.5 * np.mean(single)
    assert np.mean(halving) < 0.01


def test_what_hits_a_whole_round_cancels() -> None:
    """A round is up to three times slower than another, so a sample alone means nothing."""
    rng = np.random.default_rng(0)
    times = 1.0 + 0.02 * np.arange(20)
    slowness = [1.0]

    def new_round() -> None:
        slowness[0] = 1.0 + 2.0 * rng.random()

    order = successive_halving(
        range(20), lambda key: float(times[key]) * slowness[0], rng, levels=(3, 10), keep=KEEP, before_round=new_round
    )
    assert order[0] == 0


@pytest.mark.parametrize(
    ("levels", "keep"), [((), 0.5), ((1, 4), 0.5), ((4, 2), 0.5), ((2, 2), 0.5), ((2, 4), 1.0), ((2, 4), 0.0)]
)
def test_bad_settings_are_refused(levels: tuple[int, ...], keep: float) -> None:
    with pytest.raises(ValueError, match=r"levels|keep"):
        successive_halving([1], lambda _: 1.0, np.random.default_rng(0), levels=levels, keep=keep)


@pytest.mark.parametrize("taken", [0, 1, 2, 5])
def test_once_the_time_is_over_the_samples_so_far_decide(taken: int) -> None:
    """However short the time, every candidate is sampled at least twice."""
    times = {"slow": 3.0, "fast": 1.0, "middling": 2.0}
    asked: list[str] = []

    def sample(candidate: str) -> float:
        asked.append(candidate)
        return times[candidate]

    order = successive_halving(
        list(times),
        sample,
        np.random.default_rng(0),
        levels=(6, 20),
        keep=0.5,
        is_over=lambda: len(asked) >= taken * len(times),
    )
    assert order == ["fast", "middling", "slow"]
    assert len(asked) == max(2, taken) * len(times)

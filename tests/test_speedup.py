# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The verdict: ratios, intervals, and who wins a tie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.measuring.dueling import faster_first
from tuner.measuring.sampling import Paired, paired
from tuner.speedup import Ratio, is_decided, is_faster, is_faster_anywhere, is_told_apart, speedup


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
        (Ratio(1.3, 1.01, 1.5), False),
        (Ratio(1.03, 1.01, 1.05), True),
        (Ratio(1.01, 1.005, 1.015), False),
        (Ratio(0.9, 0.8, 0.95), False),
    ],
)
def test_a_tie_or_a_trifle_goes_to_the_default(ratio: Ratio, faster: bool) -> None:
    assert is_faster(ratio, 0.02) is faster


@pytest.mark.parametrize(("slowdown", "faster"), [(1.0, True), (1.4, True), (1.5, False), (8.0, False)])
def test_what_is_slower_beside_guard_pages_must_be_faster_even_there(slowdown: float, faster: bool) -> None:
    assert is_faster_anywhere(Ratio(1.5, 1.47, 1.53), slowdown, 0.02) is faster


def test_more_rounds_are_asked_for_until_the_interval_is_on_one_side() -> None:
    assert is_decided(Ratio(1.5, 1.47, 1.53), 0.02)
    assert not is_decided(Ratio(1.03, 0.99, 1.06), 0.02)
    assert not is_decided(Ratio(1.5, 1.2, 1.9), 0.02)
    assert is_decided(Ratio(0.9, 0.88, 0.92), 0.02)


def verdict(truth: float, noise: float, bursts: float, seed: int) -> tuple[bool, int]:
    """A whole final on made-up samples: whether the candidate is accepted, and after how many rounds."""
    rng = np.random.default_rng(seed)

    def sample(key: str) -> float:
        disturbed = 0.3 if rng.random() < bursts else 0.0
        return (1.0 if key == "baseline" else 1.0 / truth) * (1 + noise * rng.exponential() + disturbed)

    def decided(so_far: Paired) -> bool:
        return is_decided(speedup(so_far.baseline_s, so_far.candidate_s), 0.02)

    taken = paired(sample, "baseline", "candidate", rng=rng, decided=decided)
    return is_faster(speedup(taken.baseline_s, taken.candidate_s), 0.02), len(taken.baseline_s)


@pytest.mark.parametrize(("noise", "bursts"), [(0.02, 0.0), (0.06, 0.0), (0.06, 0.3), (0.2, 0.3)])
def test_an_equal_candidate_wins_in_at_most_five_percent_of_finals(noise: float, bursts: float) -> None:
    """Asked again and again while rounds are added, on quiet and on disturbed machines."""
    wins = [verdict(1.0, noise, bursts, seed)[0] for seed in range(100)]
    assert sum(wins) <= 5


def test_a_faster_candidate_wins_sooner_the_quieter_the_machine() -> None:
    quiet = [verdict(1.2, 0.02, 0.0, seed) for seed in range(20)]
    noisy = [verdict(1.2, 0.1, 0.1, seed) for seed in range(20)]
    assert all(faster for faster, _ in quiet)
    assert sum(faster for faster, _ in noisy) >= 18
    assert np.mean([rounds for _, rounds in quiet]) < 22 < np.mean([rounds for _, rounds in noisy])


@pytest.mark.parametrize(("low", "high", "apart"), [(1.001, 1.002, True), (0.9, 0.999, True), (0.999, 1.3, False)])
def test_two_are_told_apart_where_the_interval_excludes_one(low: float, high: float, apart: bool) -> None:
    assert is_told_apart(Ratio((low + high) / 2, low, high)) is apart


@pytest.mark.parametrize(("gain", "least_right"), [(0.02, 58), (0.005, 50)])
def test_of_two_the_faster_comes_first(gain: float, least_right: int) -> None:
    """Amid noise of 1 %, whichever is named first; and few rounds do where the gain is plain."""
    right, taken = 0, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rounds: list[str] = []

        def sample(key: str, rng: np.random.Generator = rng, rounds: list[str] = rounds) -> float:
            rounds.append(key)
            return (1.0 if key == "fast" else 1.0 + gain) * (1 + 0.01 * rng.standard_normal())

        named = ("slow", "fast") if seed % 2 else ("fast", "slow")
        right += faster_first(sample, *named, rng, budget_s=30.0) == ("fast", "slow")
        taken.append(len(rounds) // 2)
    assert right >= least_right
    assert bool(np.median(taken) < 22) is (gain == 0.02)


def test_rounds_end_with_the_budget_though_nothing_is_decided() -> None:
    def no(_: Paired) -> bool:
        return False

    rng = np.random.default_rng(0)
    assert len(paired(lambda _: 1.0, "a", "b", rng=rng, decided=no).baseline_s) == 60
    assert len(paired(lambda _: 1.0, "a", "b", rng=rng, decided=no, max_rounds=100).baseline_s) == 100
    assert len(paired(lambda _: 1.0, "a", "b", rng=rng, decided=no, budget_s=0.0).baseline_s) == 10


@pytest.mark.parametrize(("sample_s", "rounds"), [(0.01, 20), (1.0, 10)])
def test_a_clear_verdict_takes_twenty_rounds_unless_they_are_long(
    sample_s: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def sample(_: str) -> float:
        nonlocal now
        now += sample_s
        return sample_s

    monkeypatch.setattr("time.perf_counter", lambda: now)
    taken = paired(sample, "a", "b", rng=np.random.default_rng(0), decided=lambda _: True)
    assert len(taken.baseline_s) == rounds


@given(
    st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3)), min_size=1, max_size=40),
    st.floats(1e-3, 1e3),
)
@settings(deadline=None, max_examples=50)
def test_the_ratio_lies_in_its_interval_and_knows_no_unit(rounds: list[tuple[float, float]], scale: float) -> None:
    baseline, candidate = zip(*rounds, strict=True)
    ratio = speedup(baseline, candidate)
    assert ratio.low <= ratio.value <= ratio.high
    scaled = speedup([scale * each for each in baseline], [scale * each for each in candidate])
    assert scaled.value == pytest.approx(ratio.value)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0, 2.0])])
def test_unpaired_series_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="number of rounds"):
        speedup(a, b)

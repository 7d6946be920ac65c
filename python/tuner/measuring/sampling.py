# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes samples: enough runs in a row for the clock, and rounds of several programs in random order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.measuring.halving import nothing
from tuner.measuring.noise import QUIET, Effort
from tuner.measuring.runner import Runner

# Seconds that a sample should take.
SAMPLE_S = 0.01
_MAX_RUNS = 10_000
# Rounds before a verdict: so many, unless they take longer than this; then fewer do, and if the budget is spent.
_MIN_ROUNDS, _MIN_ROUNDS_S, _FEWEST_ROUNDS = 20, 10.0, 10
MAX_ROUNDS, _GROWTH = 60, 1.2
# Seconds after which rounds stop without a verdict.
UNDECIDED_S = 30.0
# Seconds. If loading programs anew takes longer, they are loaded anew only once.
_CHEAP_RENEWAL_S = 0.2
# Tries of a calibration, and seconds above which one try is enough. Samples of compared programs must be equally long,
# also if other work comes and goes: a short sample meets all of it or none, a long one meets some. By one try that took
# 8 ms a GPU's dispatch of 4 us was run twice a sample, and read as 38 to 125 us: starting and waiting count as well.
TRIES, _FEW_TRIES, _LONG_S = 5, 2, 0.1


@dataclass(frozen=True, slots=True)
class Paired:
    """Samples of two programs taken side by side: seconds of one run each, shape [rounds]."""

    baseline_s: tuple[float, ...]
    candidate_s: tuple[float, ...]


def calibrate(runner: Runner, key: str, *, timeout_s: float, tries: int = TRIES) -> int:
    """How many runs in a row take about 10 ms, by the fastest of `tries` tries."""
    runs = 1
    while runs < _MAX_RUNS:
        seconds = runner.time(key, runs, timeout_s=timeout_s)
        for _ in range(tries - 1 if seconds < _LONG_S else 0):
            seconds = min(seconds, runner.time(key, runs, timeout_s=timeout_s))
        if seconds * runs >= SAMPLE_S / 2:
            return max(1, min(_MAX_RUNS, math.ceil(SAMPLE_S / seconds)))
        runs = min(_MAX_RUNS, runs * 8)
    return runs


def sample(
    runner: Runner,
    key: str,
    *,
    first_s: float,
    timeout_s: float,
    give_up_above_s: float,
    few_above_s: float = math.inf,
    effort: Effort = QUIET,
) -> list[float]:
    """As many samples as `effort` says, each of as many runs as take about 10 ms.

    `first_s` is what a checked first run took. Stops after one sample if that run and the sample both exceed
    `give_up_above_s`: a single one can be many times too slow, so it is never enough to drop a candidate. Stops after
    the fewest samples that `effort` allows if all of them exceed `few_above_s`.
    """
    runs = calibrate(runner, key, timeout_s=timeout_s, tries=_FEW_TRIES) if first_s < SAMPLE_S else 1
    # A single run would not do: on a GPU, starting it and waiting for its end takes longer than many dispatches run.
    samples = [runner.time(key, runs, timeout_s=timeout_s)]
    if min(first_s, samples[0]) > give_up_above_s:
        return samples
    while len(samples) < effort.min_samples or (
        min(samples) <= few_above_s and len(samples) < effort.max_samples and sum(samples) * runs < effort.seconds
    ):
        samples.append(runner.time(key, runs, timeout_s=timeout_s))
    return samples


def renewing(runner: Runner) -> Callable[[], None]:
    """A function to call before each round. It loads everything anew as long as that is cheap.

    Large data takes long to make. It occupies every part of the caches anyway.
    """
    is_cheap = True

    def before_round() -> None:
        nonlocal is_cheap
        if is_cheap:
            is_cheap = runner.renew() <= _CHEAP_RENEWAL_S

    return before_round


def interleaved(
    keys: Sequence[str],
    sample: Callable[[str], float],
    rng: np.random.Generator,
    enough: Callable[[Mapping[str, Sequence[float]]], bool],
    before_round: Callable[[], None] = nothing,
) -> dict[str, list[float]]:
    """Takes rounds of one sample of each key, until the samples so far are `enough`.

    The order within a round is random, since the machine's other work may have a rhythm of its own.
    """
    samples: dict[str, list[float]] = {key: [] for key in keys}
    while True:
        before_round()
        for position in rng.permutation(len(keys)):
            key = keys[int(position)]
            samples[key].append(sample(key))
        if enough(samples):
            return samples


def paired_rounds(
    runner: Runner,
    baseline: str,
    candidate: str,
    *,
    rng: np.random.Generator,
    decided: Callable[[Paired], bool],
    timeout_s: float,
    max_rounds: int = MAX_ROUNDS,
    budget_s: float = UNDECIDED_S,
) -> Paired:
    """Takes rounds of one sample of each of two loaded programs, as `paired` does.

    Before a round both are loaded anew, so that the rounds differ in everything in which a user's runs differ.
    """
    runs = {key: calibrate(runner, key, timeout_s=timeout_s) for key in (baseline, candidate)}

    def one(key: str) -> float:
        return runner.time(key, runs[key], timeout_s=timeout_s)

    return paired(
        one,
        baseline,
        candidate,
        rng=rng,
        decided=decided,
        before_round=renewing(runner),
        max_rounds=max_rounds,
        budget_s=budget_s,
    )


def least_paired_s(*runs_s: float, renewal_s: float) -> float:
    """The least seconds that `paired_rounds` takes.

    `runs_s`: wall-clock seconds of one run of each program. `renewal_s`: seconds to load both anew.
    """
    samples_s = [max(SAMPLE_S, run_s) for run_s in runs_s]
    calibrations_s = sum(sample_s * (TRIES if sample_s < _LONG_S else 1) for sample_s in samples_s)
    return calibrations_s + renewals_s(_FEWEST_ROUNDS, renewal_s) + _FEWEST_ROUNDS * sum(samples_s)


def renewals_s(rounds: int, renewal_s: float) -> float:
    """The seconds that `renewing` spends before `rounds` rounds."""
    return renewal_s * (rounds if renewal_s <= _CHEAP_RENEWAL_S else 1)


def paired(
    sample: Callable[[str], float],
    baseline: str,
    candidate: str,
    *,
    rng: np.random.Generator,
    decided: Callable[[Paired], bool],
    before_round: Callable[[], None] = nothing,
    max_rounds: int = MAX_ROUNDS,
    budget_s: float = UNDECIDED_S,
) -> Paired:
    """Takes rounds of one sample of each in random order: twenty, then a fifth more at a time, until `decided`.

    Ten are enough if twenty take long, and after `budget_s` seconds. Stops at the latest after `max_rounds` rounds, or
    after these seconds. `decided` is not consulted after every round: the more often noisy samples are judged, the
    more often chance decides.
    """
    started = time.perf_counter()
    asked_after = 0

    def so_far(samples: Mapping[str, Sequence[float]]) -> Paired:
        return Paired(tuple(samples[baseline]), tuple(samples[candidate]))

    def enough(samples: Mapping[str, Sequence[float]]) -> bool:
        nonlocal asked_after
        rounds = len(samples[baseline])
        elapsed_s = time.perf_counter() - started
        spent = rounds >= max_rounds or elapsed_s > budget_s
        is_long = elapsed_s * _MIN_ROUNDS > _MIN_ROUNDS_S * rounds
        fewest = _FEWEST_ROUNDS if is_long or spent else _MIN_ROUNDS
        if rounds < fewest or (rounds < asked_after and not spent):
            return False
        asked_after = math.ceil(_GROWTH * rounds)
        return spent or decided(so_far(samples))

    return so_far(interleaved((baseline, candidate), sample, rng, enough, before_round))

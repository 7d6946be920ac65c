# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes samples: enough runs in a row for the clock, candidates beside the baseline, A against B at random."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tuner.measuring.runner import Runner

_SAMPLE_S = 0.01
_MAX_RUNS = 10_000
_MIN_SAMPLES, _MAX_SAMPLES = 3, 10
_SAMPLING_S = 0.1


@dataclass(frozen=True, slots=True)
class Paired:
    """Samples of two programs taken side by side: seconds of one run each, shape [rounds]."""

    baseline_s: tuple[float, ...]
    candidate_s: tuple[float, ...]


def calibrate(runner: Runner, key: str, *, timeout_s: float) -> int:
    """How many runs in a row take about 10 ms."""
    runs = 1
    while runs < _MAX_RUNS:
        seconds = runner.time(key, runs, timeout_s=timeout_s)
        if seconds * runs >= _SAMPLE_S / 2:
            return max(1, min(_MAX_RUNS, math.ceil(_SAMPLE_S / seconds)))
        runs = min(_MAX_RUNS, runs * 8)
    return runs


def sample(runner: Runner, key: str, *, first_s: float, timeout_s: float, give_up_above_s: float) -> list[float]:
    """Three to ten samples, as many as fit 100 ms, each of as many runs as take about 10 ms.

    `first_s` is what a checked first run took. Stops after one sample where that run and the sample both exceed
    `give_up_above_s`: a single one can be many times too slow, so it is never enough to drop a candidate.
    """
    runs = calibrate(runner, key, timeout_s=timeout_s) if first_s < _SAMPLE_S else 1
    # A single run would not do: on a GPU, starting it and waiting for its end costs more than many kernels take.
    samples = [runner.time(key, runs, timeout_s=timeout_s)]
    if min(first_s, samples[0]) > give_up_above_s:
        return samples
    while len(samples) < _MIN_SAMPLES or (len(samples) < _MAX_SAMPLES and sum(samples) * runs < _SAMPLING_S):
        samples.append(runner.time(key, runs, timeout_s=timeout_s))
    return samples


def paired_rounds(
    runner: Runner,
    baseline: str,
    candidate: str,
    *,
    rng: np.random.Generator,
    decided: Callable[[Paired], bool],
    timeout_s: float,
    min_rounds: int = 10,
    max_rounds: int = 60,
    budget_s: float = 30.0,
) -> Paired:
    """Rounds of one sample each in random order, until `decided`, or the rounds or the seconds are spent."""
    runs = {key: calibrate(runner, key, timeout_s=timeout_s) for key in (baseline, candidate)}
    samples: dict[str, list[float]] = {baseline: [], candidate: []}
    started = time.perf_counter()
    for round_number in range(1, max_rounds + 1):
        order = (baseline, candidate) if rng.random() < 0.5 else (candidate, baseline)
        for key in order:
            samples[key].append(runner.time(key, runs[key], timeout_s=timeout_s))
        paired = Paired(tuple(samples[baseline]), tuple(samples[candidate]))
        spent = time.perf_counter() - started > budget_s
        if round_number >= min_rounds and (spent or decided(paired)):
            break
    return paired

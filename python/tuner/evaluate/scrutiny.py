# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The harder check of a finalist that would win, on devices on which a wrong program can be right for a while.

Threads of a workgroup share memory on GPUs. A barrier too few makes a result depend on which thread comes first, which
need not show in one run.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.evaluate.baseline import CANDIDATE_KEY, DEFAULT_KEY, HARD_SEEDS, Baseline
from tuner.evaluate.budget import Budget
from tuner.measuring import Verification
from tuner.measuring.racecheck import NO_TIME, RaceCheck

# Runs on the data of each seed.
RUNS = 20
# Seconds that a search for data races may take: a program runs up to a hundred times slower in it.
RACES_S = 60.0


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """What the harder check found: on which seeds, in how many runs of each, and by compute-sanitizer.

    `verification` is the worst. `failure` says where a run was wrong, "" if none was.
    """

    seeds: tuple[int, ...]
    runs: int
    verification: Verification
    races: RaceCheck | None = None
    failure: str = ""

    def __str__(self) -> str:
        found = f"checked on {len(self.seeds)} seeds, {self.runs} runs each"
        return found if self.races is None else f"{found}; {self.races}"


def scrutinise(baseline: Baseline, budget: Budget) -> Scrutiny:
    """Checks the loaded candidate on every seed again and again, then once under compute-sanitizer if it is there.

    If the final has a limit, the last is left for later (`tuner.tuning.races`). All runs on the same data must give
    the same bits if those of the default do. Raises MeasurementError.
    """
    seeds = (baseline.search_seed, *HARD_SEEDS)
    exactly = baseline.is_reproducible(RUNS)
    worst = Verification(True, 0.0)
    for seed in seeds:
        found = baseline.repeat(CANDIDATE_KEY, seed, RUNS, exactly=exactly)
        if not found.verification.passed:
            where = f"on seed {seed}, in run {found.run} of {RUNS}"
            return Scrutiny(seeds, RUNS, found.verification, failure=f"{where}: {found.verification.detail}")
        worst = max(worst, found.verification, key=lambda verification: verification.max_error)
    races, failure = _races(baseline, budget) if baseline.runner.device.has_racecheck else (None, "")
    return Scrutiny(seeds, RUNS, worst, races, failure)


def _races(baseline: Baseline, budget: Budget) -> tuple[RaceCheck, str]:
    """What compute-sanitizer finds, and why that makes the candidate wrong, "" if it does not."""
    if budget.is_limited:
        return RaceCheck(not_run=NO_TIME), ""
    (races,) = baseline.runner.find_races(CANDIDATE_KEY, limit_s=RACES_S)
    if not races.errors:
        return races, ""
    (of_default,) = baseline.runner.find_races(DEFAULT_KEY, limit_s=RACES_S)
    return races, fault_in(races, of_default)


def fault_in(races: RaceCheck, of_default: RaceCheck) -> str:
    """Why a candidate with these hazards is wrong; "" if it is not.

    Some hazards that the tool reports are none: those do not count which the compiler's own code has too.
    """
    return f"{races}; for the default, {of_default}" if races.errors and not of_default.errors else ""

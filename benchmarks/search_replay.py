# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Replays recorded spaces: how near each strategy comes to the optimum, after how many candidates.

    python benchmarks/search_replay.py SPACE.csv.gz... [--seeds 20] [--strategies portfolio,forest,…] [--curves docs]
    python benchmarks/search_replay.py --pools benchmarks/results/h200.jsonl [--batch 1]
    python benchmarks/search_replay.py SPACE.csv.gz --warm-from SIBLING.csv.gz
    python benchmarks/search_replay.py SPACE.csv.gz... --cross-validate [--seeds 8]

A row of a file is one configuration: its knobs, then columns `launch_*_ms`, which are empty if it failed. A row's time
is the median of its launches. The score is (best time of all rows) / (best time found). `--pools RESULTS.jsonl` adds
what `gpu_suite.py` measured, a space for each dispatch; `--simulated N` adds N spaces from a formula. The last line is
one JSON object about the first strategy named. Its `behind` is the most that this strategy lies behind the best of the
others on one space.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from experience_replay import read_pools
from search_cross_validation import VARIANTS, report
from search_curves import write_curves
from simulated_spaces import simulated_space
from tuner import plugins
from tuner.constraints import Knob, Pool
from tuner.search import Strategy
from tuner.search.model_based import Constants

MARKS = (8, 16, 30, 60, 100)
# At these a strategy is compared with the others, space by space.
_LATE = (60, 100)


@dataclass(frozen=True)
class Recording:
    """A recorded space: its pool, and the median time of each row (NaN if it failed)."""

    name: str
    pool: Pool
    times_ms: np.ndarray


def read_recording(path: Path) -> Recording:
    """Reads one file. Raises SystemExit with a sentence if it has another format."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        header, *rows = list(csv.reader(file))
    launches = [index for index, name in enumerate(header) if name.startswith("launch_")]
    knobs = [index for index, name in enumerate(header) if not name.startswith("launch_")]
    if not launches or not rows:
        sys.exit(f"{path}: no launch_*_ms columns or no rows; give a recorded space")
    values = np.array([[int(row[index]) for index in knobs] for row in rows], dtype=np.int64)
    times = np.array([[float(row[index] or "nan") for index in launches] for row in rows])
    medians = np.array([np.nan if np.isnan(row).all() else np.nanmedian(row) for row in times])
    pool = Pool(
        tuple(
            Knob(header[index], tuple(int(value) for value in np.unique(values[:, column])))
            for column, index in enumerate(knobs)
        ),
        values,
    )
    return Recording(path.name.partition(".")[0], pool, medians)


@dataclass(frozen=True)
class Replay:
    """One search: the fraction of the optimum after each candidate, and the processor time of the strategy."""

    fractions: np.ndarray
    strategy_ms: float


@dataclass(frozen=True)
class Search:
    """Everything about a replay but the space and the seed."""

    strategy: str
    trials: int
    batch: int
    constants: Constants | None = None

    def start(self, pool: Pool, seed: int, prior: Mapping[int, float]) -> Strategy:
        make: Callable[..., Strategy] = plugins.load("tuner.strategies", self.strategy)
        chosen = {} if self.constants is None else {"constants": self.constants}
        return make(pool, np.random.default_rng(seed), self.trials, prior, **chosen)

    def replay(self, recording: Recording, sibling: Recording | None, seed: int) -> Replay:
        """One replayed search. It starts warm, from a search on the sibling, if there is one."""
        prior = {} if sibling is None else self.earlier(sibling, recording.pool, seed)
        began = time.process_time()
        found = self.measured(recording, seed, prior)
        strategy_ms = 1e3 * (time.process_time() - began) / len(found)
        best = np.fmin.accumulate(np.array([time_ms for _, time_ms in found]))
        fractions = np.nan_to_num(np.nanmin(recording.times_ms) / best)
        return Replay(np.pad(fractions, (0, self.trials - len(found)), mode="edge"), strategy_ms)

    def earlier(self, sibling: Recording, pool: Pool, seed: int) -> dict[int, float]:
        """What a search of as many candidates on the sibling device measured, by the rows of `pool`."""
        row_of = {tuple(values): index for index, values in enumerate(pool.rows.tolist())}
        measured = [
            (row_of.get(tuple(sibling.pool.rows[row].tolist())), time_ms)
            for row, time_ms in self.measured(sibling, seed + 1_000_000, {})
        ]
        return {row: time_ms for row, time_ms in measured if row is not None and not np.isnan(time_ms)}

    def measured(self, recording: Recording, seed: int, prior: Mapping[int, float]) -> list[tuple[int, float]]:
        """The rows in the order of the search, with their times (NaN for failures)."""
        strategy = self.start(recording.pool, seed, prior)
        found: list[tuple[int, float]] = []
        while len(found) < self.trials and (rows := strategy.ask(min(self.batch, self.trials - len(found)))):
            for row in rows:
                time_ms = float(recording.times_ms[row])
                strategy.tell(row, None if np.isnan(time_ms) else time_ms)
                found.append((row, time_ms))
        return found


# A strategy's replays on one space, seed by seed.
Replays = Callable[[Search, Recording], list[Replay]]


def compare(searches: Sequence[Search], recordings: Sequence[Recording], replays: Replays, curves: Path | None) -> None:
    """Prints a table of strategies and spaces, and the summary as JSON."""
    summary: dict[str, dict[str, float]] = {}
    fractions: dict[tuple[str, str], np.ndarray] = {}
    titles = [*(f"at {mark}" for mark in MARKS), "evaluations to 95 %", "strategy's ms an evaluation"]
    print("| strategy | space | " + " | ".join(titles) + " |")
    print("|---|---|" + "---|" * len(titles))
    for search in searches:
        strategy_ms = []
        for recording in recordings:
            found = replays(search, recording)
            fractions[search.strategy, recording.name] = np.stack([replay.fractions for replay in found])
            strategy_ms.append(float(np.median([replay.strategy_ms for replay in found])))
            print(
                row(
                    search.strategy,
                    recording.name,
                    fractions[search.strategy, recording.name].mean(axis=0),
                    strategy_ms[-1],
                )
            )
        overall = np.mean([fractions[search.strategy, each.name].mean(axis=0) for each in recordings], axis=0)
        print(row(search.strategy, "**mean**", overall, float(np.mean(strategy_ms))), flush=True)
        summary[search.strategy] = {
            **{f"fraction_at_{mark}": round(float(overall[mark - 1]), 4) for mark in MARKS},
            "evaluations_to_95": evaluations_to(overall, 0.95),
            "strategy_ms_per_evaluation": round(float(np.mean(strategy_ms)), 1),
        }
    if curves is not None:
        write_curves(fractions, curves, max(MARKS))
    first = searches[0].strategy
    others = [search.strategy for search in searches[1:]]
    behind = {
        f"behind_at_{mark}": round(max(behind_by(fractions, first, others, each.name, mark) for each in recordings), 4)
        for mark in _LATE
        if others
    }
    seeds = len(next(iter(fractions.values())))
    print(json.dumps({**summary[first], **behind, "strategy": first, "seeds": seeds, "all": summary}))


def behind_by(
    fractions: Mapping[tuple[str, str], np.ndarray], strategy: str, others: Sequence[str], space: str, mark: int
) -> float:
    """How far the mean of a strategy lies behind the best of the others on a space; negative if it is ahead."""
    means = {name: float(fractions[name, space][:, mark - 1].mean()) for name in (strategy, *others)}
    return max(means[name] for name in others) - means[strategy]


def cross_validate(search: Search, recordings: Sequence[Recording], replays: Replays) -> None:
    """Prints the scores of other constants, chosen on one half of the spaces and judged on the other."""
    scores = {}
    for name, constants in VARIANTS.items():
        varied = Search(search.strategy, search.trials, search.batch, constants)
        found = [np.mean([replay.fractions for replay in replays(varied, each)], axis=0) for each in recordings]
        scores[name] = np.stack([mean[np.array(MARKS) - 1] for mean in found])
        print(f"{name}: {scores[name].mean():.4f}", file=sys.stderr, flush=True)
    print("\n".join(report(scores, [recording.name for recording in recordings])))
    shipped = dict(zip(MARKS, scores["shipped"].mean(axis=0), strict=True))
    print(json.dumps({**{f"fraction_at_{mark}": round(float(value), 4) for mark, value in shipped.items()}}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", type=Path)
    parser.add_argument("--pools", type=Path, help="results of gpu_suite.py, whose dispatches are further spaces")
    parser.add_argument("--simulated", type=int, default=0, help="so many spaces out of a formula besides")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=max(MARKS), help=f"at least {max(MARKS)}")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--strategies", default="portfolio,forest,genetic,local,random")
    parser.add_argument("--warm-from", type=Path, help="the same space on another device, searched beforehand")
    parser.add_argument("--curves", type=Path, help="folder to write the curves into, as SVG and as CSV")
    parser.add_argument("--cross-validate", action="store_true", help="vary the constants of the first strategy")
    options = parser.parse_args()
    if options.trials < max(MARKS):
        parser.error(f"--trials must be at least {max(MARKS)}")
    recordings = [read_recording(path) for path in options.spaces]
    recordings += [Recording(f"simulated {seed}", *simulated_space(seed)) for seed in range(options.simulated)]
    if options.pools is not None:
        recordings += [Recording(each.name, each.pool, 1e3 * each.times_s) for each in read_pools(options.pools)]
    if not recordings:
        parser.error("name a recorded space, give --pools, or give --simulated a number")
    sibling = None if options.warm_from is None else read_recording(options.warm_from)
    searches = [Search(name, options.trials, options.batch) for name in options.strategies.split(",")]
    with multiprocessing.get_context("spawn").Pool(options.processes, threadpool_limits, (1,)) as processes:

        def replays(search: Search, recording: Recording) -> list[Replay]:
            return processes.map(partial(search.replay, recording, sibling), range(options.seeds))

        if options.cross_validate:
            cross_validate(searches[0], recordings, replays)
        else:
            compare(searches, recordings, replays, options.curves)


def evaluations_to(mean: np.ndarray, fraction: float) -> int:
    """After how many candidates the mean curve reaches `fraction`; -1 if it does not within the replay."""
    reached = np.flatnonzero(mean >= fraction)
    return int(reached[0]) + 1 if reached.size else -1


def row(strategy: str, space: str, mean: np.ndarray, strategy_ms: float) -> str:
    """One line of the table."""
    marks = " | ".join(f"{mean[mark - 1]:.3f}" for mark in MARKS)
    return f"| {strategy} | {space} | {marks} | {evaluations_to(mean, 0.95)} | {strategy_ms:.1f} |"


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Replays recorded tuning spaces: how near each strategy comes to the optimum, after how many evaluations.

    python benchmarks/search_replay.py SPACE.csv.gz... [--seeds 20] [--strategies portfolio,forest,…]

A file holds one configuration a row: the tuning parameters, then columns `launch_*_ms` (empty where it failed). The
score is (best median of all rows) / (best median found); a row's time is the median of its launches. The last line is
one JSON object about the first strategy named.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import multiprocessing
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tuner import registry
from tuner.constraints import Knob, Pool

MARKS = (30, 60, 100)


@dataclass(frozen=True)
class Recording:
    """A recorded space: its pool, and the median time of each row (NaN where it failed)."""

    name: str
    pool: Pool
    times_ms: np.ndarray


def read_recording(path: Path) -> Recording:
    """Reads one file. Raises SystemExit with a sentence where it has another format."""
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


def curve(
    recording: Recording, sibling: Recording | None, strategy_name: str, trials: int, batch: int, seed: int
) -> np.ndarray:
    """The fraction of the optimum after each evaluation, warm from a search on the sibling where there is one.

    Shape [trials].
    """
    prior = {} if sibling is None else earlier_search(sibling, recording.pool, strategy_name, trials, batch, seed)
    make = registry.load("tuner.strategies", strategy_name)
    strategy = make(recording.pool, np.random.default_rng(seed), trials, prior)
    best = np.inf
    fractions: list[float] = []
    while len(fractions) < trials:
        rows = strategy.ask(min(batch, trials - len(fractions)))
        if not rows:
            break
        for row in rows:
            time_ms = float(recording.times_ms[row])
            strategy.tell(row, None if np.isnan(time_ms) else time_ms)
            best = min(best, time_ms) if not np.isnan(time_ms) else best
            fractions.append(float(np.nanmin(recording.times_ms)) / best if np.isfinite(best) else 0.0)
    return np.array(fractions + fractions[-1:] * (trials - len(fractions)))


def earlier_search(
    sibling: Recording, pool: Pool, strategy_name: str, trials: int, batch: int, seed: int
) -> dict[int, float]:
    """What a search of as many trials on the sibling device measured, by the rows of `pool`."""
    strategy = registry.load("tuner.strategies", strategy_name)(
        sibling.pool, np.random.default_rng(seed + 1_000_000), trials
    )
    row_of = {tuple(values): index for index, values in enumerate(pool.rows.tolist())}
    found: dict[int, float] = {}
    asked = 0
    while asked < trials and (rows := strategy.ask(min(batch, trials - asked))):
        asked += len(rows)
        for row in rows:
            time_ms = float(sibling.times_ms[row])
            strategy.tell(row, None if np.isnan(time_ms) else time_ms)
            here = row_of.get(tuple(sibling.pool.rows[row].tolist()))
            if here is not None and not np.isnan(time_ms):
                found[here] = time_ms
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=200, help="at least 100")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--strategies", default="portfolio,forest,genetic,local,random")
    parser.add_argument("--warm-from", type=Path, help="the same space on another device, searched beforehand")
    options = parser.parse_args()
    if options.trials < max(MARKS):
        parser.error(f"--trials must be at least {max(MARKS)}")
    recordings = [read_recording(path) for path in options.spaces]
    sibling = None if options.warm_from is None else read_recording(options.warm_from)
    summary: dict[str, dict[str, float]] = {}
    print("| strategy | space | " + " | ".join(f"at {mark}" for mark in MARKS) + " | evaluations to 95 % |")
    print("|---|---|" + "---|" * (len(MARKS) + 1))
    with multiprocessing.get_context("spawn").Pool(options.processes) as processes:
        for name in options.strategies.split(","):
            means = []
            for recording in recordings:
                one = partial(curve, recording, sibling, name, options.trials, options.batch)
                curves = np.stack(processes.map(one, range(options.seeds)))
                mean = curves.mean(axis=0)
                means.append(mean)
                print(row(name, recording.name, mean), flush=True)
            overall = np.mean(means, axis=0)
            print(row(name, "**mean**", overall), flush=True)
            summary[name] = {f"fraction_at_{mark}": round(float(overall[mark - 1]), 4) for mark in MARKS}
            summary[name]["evaluations_to_95"] = evaluations_to(overall, 0.95)
    first = options.strategies.split(",")[0]
    print(json.dumps({**summary[first], "strategy": first, "seeds": options.seeds, "all": summary}))


def evaluations_to(mean: np.ndarray, fraction: float) -> int:
    """After how many evaluations the mean curve reaches `fraction`; -1 where it does not within the replay."""
    reached = np.flatnonzero(mean >= fraction)
    return int(reached[0]) + 1 if reached.size else -1


def row(strategy: str, space: str, mean: np.ndarray) -> str:
    """One line of the table."""
    marks = " | ".join(f"{mean[mark - 1]:.3f}" for mark in MARKS)
    return f"| {strategy} | {space} | {marks} | {evaluations_to(mean, 0.95)} |"


if __name__ == "__main__":
    main()

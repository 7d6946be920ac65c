# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Replays recorded launches: what successive halving costs against 32 launches each, and what it loses.

    python benchmarks/measurement_replay.py SPACE.csv.gz... [--seeds 20] [--candidates 100]

For each seed, as many random configurations as a run has candidates are measured by halving 2 -> 5 -> 14 -> 32. Cost:
the time of these launches over that of all 32 launches of all candidates. Loss: how much slower the chosen candidate is
than the best, both by the median of all their launches. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from pathlib import Path

import numpy as np

from tuner.measuring.halving import successive_halving

LEVELS = (2, 5, 14, 32)
KEEP = 0.3


def read_launches(path: Path) -> np.ndarray:
    """The launches of every configuration that ran, in milliseconds. Shape [configurations, launches]."""
    with gzip.open(path, "rt") as file:
        header, *rows = list(csv.reader(file))
    columns = [index for index, name in enumerate(header) if name.startswith("launch_")]
    complete = [row for row in rows if all(row[index] for index in columns)]
    return np.array([[float(row[index]) for index in columns] for row in complete])


def replay(launches: np.ndarray, candidates: int, seed: int) -> tuple[float, float]:
    """The cost and the loss of one run."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(launches), min(candidates, len(launches)), replace=False)
    taken = dict.fromkeys(map(int, chosen), 0)
    spent = 0.0

    def sample(row: int) -> float:
        nonlocal spent
        time_ms = float(launches[row, taken[row]])
        taken[row] += 1
        spent += time_ms
        return time_ms

    best = successive_halving(list(taken), sample, rng, levels=LEVELS, keep=KEEP)[0]
    medians = np.median(launches[chosen], axis=1)
    return spent / float(launches[chosen].sum()), float(np.median(launches[best])) / float(medians.min()) - 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=100)
    options = parser.parse_args()
    print("| space | cost | mean loss | worst loss |\n|---|---|---|---|")
    everything = []
    for path in options.spaces:
        launches = read_launches(path)
        runs = np.array([replay(launches, options.candidates, seed) for seed in range(options.seeds)])
        everything.append(runs)
        cost, loss = runs.mean(axis=0)
        print(f"| {path.name.partition('.')[0]} | {cost:.4f} | {loss:.5%} | {runs[:, 1].max():.5%} |")
    cost, loss = np.concatenate(everything).mean(axis=0)
    print(json.dumps({"cost": round(float(cost), 4), "mean_loss": round(float(loss), 6), "seeds": options.seeds}))


if __name__ == "__main__":
    main()

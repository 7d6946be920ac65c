# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much sooner a search succeeds if it knows what was measured for other problems, by replaying measured points.

    python benchmarks/experience_replay.py benchmarks/results/h200.jsonl [--seeds 20]

The pool of a dispatch is what `gpu_suite.py` timed for it: the points of the search and the random ones. The score is
the best time of the pool divided by the best time found. A search learns from the points that the suite's searches of
earlier dispatches of the same form tried, without the random ones: from `one` of them, drawn anew with each seed, or
from `all`. It does not learn from later dispatches, whose searches had learnt from this one. The last line is one JSON
object: the mean scores after 8, 16, 32 and 64 candidates.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.constraints import Knob, Pool
from tuner.dispatch import form_of
from tuner.search import NO_PRIOR
from tuner.search.models.expectation import Observation, expect
from tuner.search.portfolio import PortfolioStrategy

MARKS = (8, 16, 32, 64)
BATCH = 8


@dataclass(frozen=True)
class Recorded:
    """A dispatch of the suite: its pool, the seconds of each row, and what its search tried."""

    name: str
    form: str
    extents: Mapping[str, int]
    pool: Pool
    times_s: np.ndarray
    tried: tuple[Observation, ...]

    @staticmethod
    def of(result: Mapping[str, object]) -> Recorded:
        form, extents = form_of(str(result["problem"]))
        loops = list(extents)
        recorded: list[str] = result["knobs"]  # type: ignore[assignment]
        # Records name the loop of a knob by its number.
        names = [re.sub(r"(?<=[a-z])(\d+)$", lambda match: f"[{loops[int(match[1])]}]", name) for name in recorded]
        tuned: list[list[float]] = result["tuned_points"]  # type: ignore[assignment]
        random: list[list[float]] = result["random_points"]  # type: ignore[assignment]
        times = {tuple(int(value) for value in point): time_s for *point, time_s in (*random, *tuned) if time_s}
        rows = np.array(sorted(times), dtype=np.int64)
        knobs = tuple(
            Knob(name, tuple(int(value) for value in np.unique(rows[:, column]))) for column, name in enumerate(names)
        )
        tried = tuple(
            Observation(extents, dict(zip(names, map(int, point), strict=True)), time_s)
            for *point, time_s in tuned
            if time_s
        )
        ordered = np.array([times[tuple(row)] for row in rows.tolist()])
        return Recorded(str(result["name"]), form, extents, Pool(knobs, rows), ordered, tried)


def read_pools(results: Path) -> list[Recorded]:
    """The dispatches of a file of `gpu_suite.py`."""
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return [Recorded.of(line) for line in lines if "problem" in line]


def scores(recorded: Recorded, teachers: Sequence[Recorded], seed: int) -> list[float]:
    """The score at each mark."""
    rng = np.random.default_rng(seed)
    observations = [each for teacher in teachers for each in teacher.tried]
    prior = expect(recorded.pool, recorded.extents, observations, rng) or NO_PRIOR
    strategy = PortfolioStrategy(recorded.pool, rng, MARKS[-1], prior)
    found: list[float] = []
    while len(found) < MARKS[-1]:
        rows = strategy.ask(BATCH)
        for row in rows:
            strategy.tell(row, float(recorded.times_s[row]))
            found.append(float(recorded.times_s[row]))
    return [float(recorded.times_s.min()) / min(found[:mark]) for mark in MARKS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    kernels = read_pools(arguments.results)
    found: dict[str, list[list[float]]] = {"none": [], "one": [], "all": []}
    for index, kernel in enumerate(kernels):
        earlier = [each for each in kernels[:index] if each.form == kernel.form]
        if not earlier:
            continue
        shown = []
        for label, ends in found.items():
            of_kernel = []
            for seed in range(arguments.seeds):
                one = earlier[int(np.random.default_rng(seed).integers(len(earlier)))]
                of_kernel.append(scores(kernel, {"none": [], "one": [one], "all": earlier}[label], seed))
            ends += of_kernel
            means = " ".join(f"{mean:.3f}" for mean in np.mean(of_kernel, axis=0))
            shown.append(f"{label} {means}")
        print(f"{kernel.name:30} {len(kernel.pool)} points: {', '.join(shown)}", flush=True)
    means_of = {label: [round(float(mean), 4) for mean in np.mean(ends, axis=0)] for label, ends in found.items()}
    print(json.dumps({"evaluations": MARKS, **means_of}))


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much the fastest candidates of the GPU suite spill: what may be left untimed because it spills more?

    python benchmarks/spilling.py benchmarks/results/h200-warpgroups.jsonl [--others 30] [--only NAME]...

The recorded points of each operation are compiled again, the ten fastest and some others by chance, and assembled by
NVIDIA's ptxas, which needs no GPU. The table says how many of the ten spill, the most that one of them does, in bytes
of a thread, and of all how many spill, and how many more than that. If a name is recorded twice, the last counts. The
last two columns tell what a bundle gains by looking at spills: the best recorded time divided by the best of twelve
points drawn from all, and of twelve of which those that spill were replaced, with six more to replace them by.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpu_cases import CASES
from static_facts import BEST, Timed, spills
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration, Dispatch
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.outcome import Candidate
from tuner.targets.cuda import choose

# The chip that candidates are compiled and assembled for.
CHIP = "sm_90"
TARGET = choose(CHIP, 1)
_TIMEOUT_S = 60.0
# Points of a bundle, the most that are compiled for it, and the bundles that are drawn.
_SENT, _COMPILED, _BUNDLES = 12, 18, 2_000


def points_of(line: Mapping[str, Any]) -> list[tuple[float, dict[str, int]]]:
    """The points that were timed, the fastest first, each once."""
    knobs = line["knobs"]
    found: dict[tuple[int, ...], float] = {}
    for row in (*line["tuned_points"], *line["random_points"]):
        if row[-1] is not None and row[knobs.index("space")] == 0:
            point = tuple(row[: len(knobs)])
            found[point] = min(row[-1], found.get(point, np.inf))
    ordered = sorted(found.items(), key=lambda pair: pair[1])
    return [(time_s, dict(zip(knobs, point, strict=True))) for point, time_s in ordered]


def timed(dispatch: Dispatch, asked: Sequence[tuple[float, Configuration]], folder: Path) -> list[Timed]:
    """The configurations that compile today, with their recorded times and the facts of their binaries."""
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            program=dispatch.program,
            identity=dispatch.name,
            candidate=Candidate(number, configuration=configuration),
            target=TARGET,
            binary=folder / f"{number}.vmfb",
            log=folder / f"{number}.log",
            facts_for=CHIP,
        )
        for number, (_, configuration) in enumerate(asked)
    ]
    with CompilePool(2, _TIMEOUT_S) as compilers:
        ends = compilers.compile(jobs)
    return [
        Timed(number, time_s, end.facts)
        for number, ((time_s, _), end) in enumerate(zip(asked, ends, strict=True))
        if end.facts is not None
    ]


def as_bundles(known: Sequence[Timed], best_s: float, weights: Sequence[float]) -> tuple[float, float]:
    """The mean scores of bundles that do not look at spills and that do. `weights`: how often each would be drawn."""
    rng = np.random.default_rng(0)
    blind, looking = [], []
    for _ in range(_BUNDLES):
        chance = np.array(weights) / np.sum(weights)
        drawn = [known[index] for index in rng.choice(len(known), _COMPILED, replace=False, p=chance)]
        least = sorted(drawn, key=lambda one: one.facts.spilled_bytes)
        blind.append(best_s / min(one.time_s for one in drawn[:_SENT]))
        looking.append(best_s / min(one.time_s for one in least[:_SENT]))
    return float(np.mean(blind)), float(np.mean(looking))


def row_of(line: Mapping[str, Any], others: int, folder: Path) -> str:
    """A row of the table."""
    (case,) = (case for case in CASES if case.name == line["name"])
    model = folder / "model.mlir"
    model.write_text(case.mlir)
    extracted = extract(Model.open(model, TARGET.compile_flags), TARGET, folder)
    (dispatch,) = (each for each in extracted.dispatches if each.problem is not None)
    assert dispatch.problem is not None
    found = spaces.find(TARGET.name, dispatch.problem)
    assert found is not None
    points = points_of(line)
    rest = points[BEST:]
    chosen = np.random.default_rng(0).choice(len(rest), size=min(others, len(rest)), replace=False)
    asked = [*points[:BEST], *(rest[index] for index in sorted(chosen))]
    known = timed(
        dispatch, [(time_s, found[1].configuration(dispatch.problem, point)) for time_s, point in asked], folder
    )
    said = spills(known)
    # The ten fastest stand for themselves, the others for all the rest.
    weights = [1.0 if one.number < BEST else len(rest) / len(chosen) for one in known]
    blind, looking = as_bundles(known, points[0][0], weights)
    return (
        f"| {line['name']} | {said['spilling_of_best']} of {BEST} | {said['most_spilled_of_best']} |"
        f" {said['spilling']} of {len(known)} | {said['above_that']} | {blind:.3f} | {looking:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorded", type=Path, nargs="+")
    parser.add_argument("--others", type=int, default=30)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    texts = (text for path in options.recorded for text in path.read_text().splitlines())
    lines = {line["name"]: line for line in map(json.loads, texts)}
    titles = ("of the ten fastest spill", "the most, bytes", "of all spill", "more than that", "blind", "looking")
    print(f"| dispatch | {' | '.join(titles)} |")
    print("|---" * (1 + len(titles)) + "|")
    for name, line in lines.items():
        if not options.only or name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                print(row_of(line, options.others, Path(folder)), flush=True)


if __name__ == "__main__":
    main()

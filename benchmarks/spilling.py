# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much the fastest candidates of the GPU suite spill: what may be left untimed because it spills more?

    python benchmarks/spilling.py benchmarks/results/h200-warpgroups.jsonl [--others 30] [--only NAME]...

The recorded points of each operation are compiled again, the ten fastest and some others by chance, and assembled by
NVIDIA's ptxas, which needs no GPU. The table says how many of the ten spill, the most that one of them does, in bytes
of a thread, and of the others how many spill more. If a name is recorded more than once, the last counts.
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
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration, Dispatch
from tuner.dispatches.extract import extract
from tuner.facts.reading import read_facts
from tuner.model.model import Model
from tuner.outcome import Candidate
from tuner.targets.cuda import choose

# The chip that candidates are compiled and assembled for.
CHIP = "sm_90"
_BEST = 10
_TIMEOUT_S = 60.0


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


def spilled(dispatch: Dispatch, configurations: Sequence[Configuration], folder: Path) -> list[int | None]:
    """The bytes that a thread of each spills; None if it does not compile today."""
    target = choose(CHIP, 1)
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            target,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate(configurations)
    ]
    with CompilePool(2, _TIMEOUT_S) as compilers:
        ends = list(compilers.compile(jobs))
    facts = [None if end.binary is None else read_facts(end.binary, CHIP) for end in ends]
    return [None if one is None else one.spilled_bytes for one in facts]


def row_of(line: Mapping[str, Any], others: int, folder: Path) -> str:
    """A row of the table."""
    (case,) = (case for case in CASES if case.name == line["name"])
    model, target = folder / "model.mlir", choose(CHIP, 1)
    model.write_text(case.mlir)
    extracted = extract(Model.open(model, target.compile_flags), target, folder)
    (dispatch,) = (each for each in extracted.dispatches if each.problem is not None)
    assert dispatch.problem is not None
    found = spaces.find(target.name, dispatch.problem)
    assert found is not None
    points = points_of(line)
    best, rest = points[:_BEST], points[_BEST:]
    chosen = np.random.default_rng(0).choice(len(rest), size=min(others, len(rest)), replace=False)
    asked = [*best, *(rest[index] for index in sorted(chosen))]
    configurations = [
        found[1].configuration(dispatch.problem, {**point, "along_columns": point.get("along_columns", 0)})
        for _, point in asked
    ]
    bytes_of = spilled(dispatch, configurations, folder)
    of_best = [one for one in bytes_of[: len(best)] if one is not None]
    of_others = [one for one in bytes_of[len(best) :] if one is not None]
    most = max(of_best, default=0)
    return (
        f"| {line['name']} | {sum(one > 0 for one in of_best)} of {len(of_best)} | {most} |"
        f" {sum(one > 0 for one in of_others)} of {len(of_others)} | {sum(one > most for one in of_others)} |"
        f" {max(of_others, default=0)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorded", type=Path, nargs="+")
    parser.add_argument("--others", type=int, default=30)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    texts = (text for path in options.recorded for text in path.read_text().splitlines())
    lines = {line["name"]: line for line in map(json.loads, texts)}
    print(
        "| dispatch | of the ten fastest spill | the most, bytes | of others spill | more than that | the most, bytes |"
    )
    print("|---|---|---|---|---|---|")
    for name, line in lines.items():
        if not options.only or name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                print(row_of(line, options.others, Path(folder)), flush=True)


if __name__ == "__main__":
    main()

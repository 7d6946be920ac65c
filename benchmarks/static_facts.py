# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well what a GPU's binary says ranks the candidates of recorded runs, dispatch by dispatch.

    iree-tune run model.mlir --target cuda --strategy random --trials 150 --keep-flags --run-dir run    # on the GPU
    python benchmarks/static_facts.py run [--assemble sm_90] [--json FILE]                              # anywhere

    iree-tune run model.mlir --target cuda:sm_80 --no-measure --trials 150 --bundle bundle    # anywhere
    python bundle/measure.pyz                                                                 # on the GPU
    python benchmarks/static_facts.py bundle --assemble sm_90                                 # anywhere

Facts are those of the run's log or of the bundle's manifest. With `--assemble`, the binaries in the folder are read
again, by ptxas or llvm-objdump for that chip, so that `--facts` need not have been given. For each fact: Spearman's
rank correlation with the time of one run (1: the order of the fact is that of the times), and the place of the
fastest candidate if they are sorted by the fact, equals in the order in which they were tried (1: it comes first).
`mean rank` sorts by the mean of the ranks of all facts. For spills: how many of the ten fastest spill, and the most
that one of them spills, in bytes of a thread: a candidate that spills more could have been left untimed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

from tuner.bundle.manifest import FILE, read_manifest
from tuner.bundle.results import Results
from tuner.facts import BinaryFacts, read_facts
from tuner.report.recorded_run import read_run

# The fastest candidates that must not be lost.
BEST = 10
# Candidates without which a correlation says nothing.
_FEWEST = 8
_MEAN_RANK = "mean rank"


@dataclass(frozen=True, slots=True)
class Timed:
    """A candidate: seconds of one run, and what its binary says."""

    number: int
    time_s: float
    facts: BinaryFacts


def _per_matrix_instruction(kind: str) -> Callable[[BinaryFacts], float]:
    """Instructions of a kind in the main loop for each matrix instruction there; NaN without such a loop."""
    return lambda facts: facts.loop.get(kind, 0) / facts.loop["mma"] if facts.loop.get("mma") else math.nan


# What may rank candidates: of each the smaller is expected to be the faster.
FACTS: Mapping[str, Callable[[BinaryFacts], float]] = {
    "spilled bytes": lambda facts: float(facts.spilled_bytes),
    "stack": lambda facts: float(facts.stack_bytes if facts.stack_bytes is not None else math.nan),
    "registers": lambda facts: float(facts.registers or math.nan),
    "shared memory": lambda facts: float(facts.shared_memory_bytes or 0),
    "occupancy, inverse": lambda facts: 1 / facts.occupancy if facts.occupancy else math.nan,
    "shared loads a matrix instruction": _per_matrix_instruction("ld.shared"),
    "shared stores a matrix instruction": _per_matrix_instruction("st.shared"),
    "barriers a matrix instruction": _per_matrix_instruction("bar"),
    "global loads a matrix instruction": _per_matrix_instruction("ld.global"),
    "matrix instructions, inverse": lambda facts: 1 / facts.loop["mma"] if facts.loop.get("mma") else math.nan,
    "instructions": lambda facts: float(sum(facts.instructions.values()) or math.nan),
}


def ranking(timed: Sequence[Timed]) -> dict[str, dict[str, float]]:
    """Of each fact that tells candidates apart, and of the mean rank: the correlation and the place of the best."""
    times_s = np.array([one.time_s for one in timed])
    best = int(times_s.argmin())
    columns = {name: np.array([fact(one.facts) for one in timed]) for name, fact in FACTS.items()}
    telling = {name: column for name, column in columns.items() if len(np.unique(column[~np.isnan(column)])) > 1}
    # What is not known counts as the worst.
    telling = {name: np.where(np.isnan(column), np.inf, column) for name, column in telling.items()}
    if telling:
        telling[_MEAN_RANK] = np.mean([rankdata(column) for column in telling.values()], axis=0)
    found = {}
    for name, column in telling.items():
        with warnings.catch_warnings(action="ignore"):
            correlation = float(spearmanr(column, times_s).statistic)
        place = int(np.flatnonzero(np.argsort(column, kind="stable") == best)[0]) + 1
        found[name] = {"correlation": round(correlation, 3), "place_of_best": place}
    return found


def spills(timed: Sequence[Timed]) -> dict[str, int]:
    """How many candidates spill, of the fastest too, and the most that one of those spills, in bytes of a thread."""
    fastest = sorted(timed, key=lambda one: one.time_s)[:BEST]
    return {
        "spilling": sum(one.facts.spilled_bytes > 0 for one in timed),
        "spilling_of_best": sum(one.facts.spilled_bytes > 0 for one in fastest),
        "most_spilled_of_best": max(one.facts.spilled_bytes for one in fastest),
        "above_that": sum(one.facts.spilled_bytes > max(best.facts.spilled_bytes for best in fastest) for one in timed),
    }


def timed_in(folder: Path, assemble_for: str = "") -> dict[str, list[Timed]]:
    """The candidates of a run or of a measured bundle that have a time and facts, in their order, by their dispatch.

    `assemble_for`: the chip for which binaries are read again; "" to take the facts that were kept.
    """
    found: dict[str, list[Timed]] = {}
    for dispatch, number, time_s, facts, binary in (_of_bundle if (folder / FILE).exists() else _of_run)(folder):
        if assemble_for:
            facts = read_facts(binary, assemble_for)
        if time_s is not None and facts is not None:
            found.setdefault(dispatch, []).append(Timed(number, time_s, facts))
    return found


_Kept = tuple[str, int, float | None, BinaryFacts | None, Path]


def _of_run(folder: Path) -> Iterator[_Kept]:
    for dispatch in read_run(folder).dispatches:
        for candidate in dispatch.tried:
            binary = folder / "candidates" / dispatch.name / f"{candidate.number}.vmfb"
            yield dispatch.name, candidate.number, candidate.time_s, candidate.facts, binary


def _of_bundle(folder: Path) -> Iterator[_Kept]:
    """Raises InputError for a bundle that is none; one that was not measured has no candidates."""
    results = Results.read(folder)
    for dispatch in read_manifest(folder).dispatches if results else ():
        ended = results.of(dispatch.name).ended if results else {}
        for candidate in dispatch.candidates:
            if candidate.number in ended and candidate.number and candidate.binary:
                time_s = ended[candidate.number].time_s
                yield dispatch.name, candidate.number, time_s, candidate.facts, folder / candidate.binary


def rows_of(folder: Path, assemble_for: str = "") -> list[dict[str, Any]]:
    """What there is to say of each dispatch of which enough candidates have facts."""
    return [
        {
            "folder": folder.name,
            "dispatch": dispatch,
            "candidates": len(timed),
            "ranking": ranking(timed),
            "spills": spills(timed),
        }
        for dispatch, timed in timed_in(folder, assemble_for).items()
        if len(timed) >= _FEWEST
    ]


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each fact: the median correlation over the dispatches, the median and the worst place of the best."""
    names = dict.fromkeys(name for row in rows for name in row["ranking"])
    found = {}
    for name in names:
        of_name = [row["ranking"][name] for row in rows if name in row["ranking"]]
        places = [one["place_of_best"] for one in of_name]
        found[name] = {
            "dispatches": len(of_name),
            "correlation": round(statistics.median(one["correlation"] for one in of_name), 3),
            "place_of_best": statistics.median(places),
            "worst_place": max(places),
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="of runs, or measured bundles")
    parser.add_argument("--assemble", default="", metavar="CHIP", help="read binaries again, by tools for this chip")
    parser.add_argument("--json", type=Path, help="append a line for each dispatch to this file")
    arguments = parser.parse_args()
    rows = [row for folder in arguments.folders for row in rows_of(folder, arguments.assemble)]
    if not rows:
        sys.stderr.write(f"no dispatch has {_FEWEST} timed candidates with facts; give --assemble CHIP for CUDA\n")
        return 1
    for row in rows:
        print(f"{row['dispatch']}: {row['candidates']} candidates, {row['spills']}")
        for name, one in sorted(row["ranking"].items(), key=lambda item: -item[1]["correlation"]):
            print(f"  {name:<36}{one['correlation']:>7.3f}  best at {one['place_of_best']}")
    if arguments.json is not None:
        with arguments.json.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    print(json.dumps(summary(rows)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

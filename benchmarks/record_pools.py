# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times candidates of operations on one thread of this CPU, for strategies and models to be judged by replay.

    python benchmarks/record_pools.py --output benchmarks/results/cpu-pools.jsonl [--rows 100] [--only NAME]...
    python benchmarks/record_pools.py --output benchmarks/results/cpu-pools.jsonl --cpu haswell
    python benchmarks/record_pools.py --of more --rows 40 --searched 60 --output benchmarks/results/cpu-pools-more.jsonl

The operations are those of `cpu_suite.py` and some of other sizes; `--of more` records those of `more_operations.py`. A
line of the output is one of them: its problem, the knobs of its space, and for each row that was timed its knobs and
its seconds, null if it failed. The first `--rows` are drawn uniformly from all solutions, `--searched` more are chosen
by the default strategy, which learns from those. `--cpu` makes code for an older processor, as iree-compile names it.
Operations that have a line for that processor are not timed again. The time counted is the processor's, yet other work
on the machine makes it less exact: `load` is the machine's load while the rows were timed. The last line is one JSON
object: the number of lines, and that of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cpu_cases import CASES, Case, batch_gemm, channel_wise, conv, gemm, row_sum, softmax
from cpu_suite import processor
from more_operations import MORE
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Pool, find_pool, sample_uniform
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import extract
from tuner.errors import TunerError
from tuner.evaluate.bench import DispatchBench
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.outcome import DEFAULT, Candidate, Compilation
from tuner.search.portfolio import PortfolioStrategy
from tuner.spaces.builder import SpaceBuilder
from tuner.targets.cpu import CpuTarget
from tuner.toolchain.tools import compiler_version

HOST = "host"
# Solutions to draw from, of a space that is too large to enumerate.
_SAMPLES = 2_000
# Seconds that a candidate may compile.
_TIMEOUT_S = 20.0
# Candidates that are compiled, then timed: of random ones, and of those that a search chooses.
_BATCH, _ASKED = 20, 10
# Operations beside those of the suite, so that each form has several.
BESIDE = {
    case.name: case
    for case in (
        gemm(1, 4096, 1024),
        gemm(1, 1000, 512),
        gemm(196, 512, 256),
        batch_gemm(12, 128, 128, 64),
        batch_gemm(16, 1, 1024, 64),
        conv(56, 64, 256, 1),
        conv(28, 64, 128, 3),
        channel_wise(56, 128, 3),
        channel_wise(20, 384, 5),
        softmax(1024, 1024),
        softmax(6144, 128),
        row_sum(512, 768),
        row_sum(4096, 1024),
    )
}


class Rows:
    """The rows of a pool that were timed, in their order: seconds, None for one that failed."""

    def __init__(
        self,
        dispatch: Dispatch,
        builder: SpaceBuilder,
        pool: Pool,
        folder: Path,
        runner: Runner,
        compilers: CompilePool,
    ) -> None:
        assert dispatch.problem is not None and dispatch.program is not None
        self._name, self._problem, self._program = dispatch.name, dispatch.problem, dispatch.program
        self._builder, self._pool, self._folder, self._compilers = builder, pool, folder, compilers
        (default,) = self._compiled([DEFAULT])
        self.bench = DispatchBench.start(runner, self._program, default)
        self.times: dict[int, float | None] = {}
        self.loads: list[float] = []

    def time(self, rows: Sequence[int]) -> None:
        """Compiles rows, then times each."""
        candidates = []
        for number, row in enumerate(rows, len(self.times) + 1):
            point = self._pool.point(row)
            candidates.append(Candidate(number, row, point, self._builder.configuration(self._problem, point)))
        for row, compilation in zip(rows, self._compiled(candidates), strict=True):
            evaluation = self.bench.evaluate(compilation)
            # Relative to a baseline of the same minute.
            self.times[row] = self.bench.baseline_s / evaluation.speedup if evaluation.speedup else None
        self.loads.append(os.getloadavg()[0])

    def search(self, count: int, rng: np.random.Generator) -> None:
        """Times so many more rows, which the default strategy chooses. It learns from those that were timed before."""
        prior = {row: time_s for row, time_s in self.times.items() if time_s is not None}
        strategy = PortfolioStrategy(self._pool, rng, count, prior)
        for row, time_s in self.times.items():
            strategy.tell(row, time_s)
        last = len(self.times) + count
        while asked := strategy.ask(min(_ASKED, last - len(self.times))):
            self.time([row for row in asked if row not in self.times])
            for row in asked:
                strategy.tell(row, self.times[row])

    def points(self, rows: Iterable[int]) -> list[list[Any]]:
        """The knobs of rows, each row's seconds behind them."""
        return [[*self._pool.point(row).values(), self.times[row]] for row in rows]

    def _compiled(self, candidates: Sequence[Candidate]) -> list[Compilation]:
        jobs = [
            CompileJob(
                program=self._program,
                identity=self._name,
                candidate=candidate,
                target=CpuTarget(),
                binary=self._folder / f"{candidate.number}.vmfb",
                log=self._folder / f"{candidate.number}.log",
            )
            for candidate in candidates
        ]
        return self._compilers.compile(jobs)


def record(
    case: Case, cpu: str, counts: tuple[int, int], seed: int, runner: Runner, compilers: CompilePool
) -> dict[str, Any]:
    """The line of an operation: so many random rows, then so many that a search chooses.

    Raises TunerError if it has no tunable dispatch.
    """
    target = CpuTarget()
    flags = tuple(flag.replace("cpu=host", f"cpu={cpu}") for flag in target.compile_flags)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.mlir").write_text(case.mlir)
        extracted = extract(Model.open(folder / "model.mlir", flags), target, folder)
        tunable = [each for each in extracted.dispatches if each.problem is not None and each.program is not None]
        if len(tunable) != 1:
            raise TunerError(f"{case.name} has {len(tunable)} tunable dispatches")
        (dispatch,) = tunable
        problem = dispatch.problem
        assert problem is not None
        found = spaces.find(target.name, problem)
        if found is None:
            raise TunerError(f"no space for {problem.label}")
        name, builder = found
        rng = np.random.default_rng(seed)
        pool = find_pool(builder.build(problem, extracted.limits), samples=_SAMPLES, rng=rng)
        random, searched = counts
        drawn = sample_uniform(pool, random, rng)
        rows = Rows(dispatch, builder, pool, folder, runner, compilers)
        for first in range(0, len(drawn), _BATCH):
            rows.time(drawn[first : first + _BATCH])
        if searched:
            rows.search(searched, rng)
        rows.bench.rest()
    return {
        "name": case.name,
        "target": target.name,
        "cpu": cpu,
        "processor": processor(),
        "vector_bytes": extracted.limits.vector_bytes,
        "compiler": compiler_version(),
        "problem": problem.key,
        "space": name,
        "pool": len(pool),
        "default_s": rows.bench.baseline_s,
        "load": round(float(np.mean(rows.loads)), 1),
        "knobs": [knob.name for knob in pool.knobs],
        "tuned_points": rows.points(row for row in rows.times if row not in set(drawn)),
        "random_points": rows.points(drawn),
    }


def rows_of(line: dict[str, Any]) -> int:
    """The number of rows of a line."""
    return len(line["random_points"]) + len(line["tuned_points"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--of", choices=("suite", "more"), default="suite", help="the operations")
    parser.add_argument("--rows", type=int, default=100, help="drawn at random")
    parser.add_argument("--searched", type=int, default=0, help="chosen by a search that learns from those")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", default=HOST)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", action="append", metavar="NAME", default=[])
    parser.add_argument("--stop-after-s", type=float, default=float("inf"), help="start no operation later than that")
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.exists() else []
    known = {(line["name"], line["cpu"]) for line in lines}
    started = time.monotonic()
    with Runner(CpuTarget().device) as runner, CompilePool(options.workers, _TIMEOUT_S) as compilers:
        for name, case in (MORE if options.of == "more" else {**CASES, **BESIDE}).items():
            if (name, options.cpu) in known or (options.only and name not in options.only):
                continue
            if time.monotonic() - started > options.stop_after_s:
                break
            began = time.monotonic()
            try:
                line = record(case, options.cpu, (options.rows, options.searched), options.seed, runner, compilers)
            except TunerError as error:
                print(f"{name}: {error}", flush=True)
                continue
            with options.output.open("a") as file:
                file.write(json.dumps(line) + "\n")
            lines.append(line)
            points = [*line["random_points"], *line["tuned_points"]]
            times = [point[-1] for point in points if point[-1]]
            gain = line["default_s"] / min(times) if times else 0.0
            print(
                f"{name}: {len(times)} of {len(points)} timed, the best {gain:.2f}x the default,"
                f" load {line['load']}, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    print(json.dumps({"lines": len(lines), "rows": sum(map(rows_of, lines))}))


if __name__ == "__main__":
    main()

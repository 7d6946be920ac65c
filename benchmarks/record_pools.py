# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times random candidates of operations on one thread of this CPU, for strategies and models to be judged by replay.

    python benchmarks/record_pools.py --output benchmarks/results/cpu-pools.jsonl [--rows 100] [--only NAME]...
    python benchmarks/record_pools.py --output benchmarks/results/cpu-pools.jsonl --cpu haswell

The operations are those of `cpu_suite.py` and some of other sizes. A line of the output is one of them: its problem,
the knobs of its space, and for each row that was drawn its knobs and its seconds, null if it failed. The rows are drawn
uniformly from all solutions. `--cpu` makes code for an older processor, as iree-compile names it. Operations that have
a line for that processor are not timed again. The time counted is the processor's, yet other work on the machine makes
it less exact: `load` is the machine's load while the rows were timed. The last line is one JSON object: the number of
lines, and that of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from cpu_cases import CASES, Case, batch_gemm, channel_wise, conv, gemm, row_sum, softmax
from cpu_suite import processor
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import find_pool, sample_uniform
from tuner.dispatches.extract import extract
from tuner.errors import TunerError
from tuner.evaluate.bench import DispatchBench
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.outcome import DEFAULT, Candidate
from tuner.targets.cpu import CpuTarget
from tuner.toolchain.tools import compiler_version

HOST = "host"
# Solutions to draw from, of a space that is too large to enumerate.
_SAMPLES = 2_000
# Seconds that a candidate may compile.
_TIMEOUT_S = 20.0
# Candidates that are compiled, then timed.
_BATCH = 20
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


def record(case: Case, cpu: str, rows: int, seed: int, runner: Runner, compilers: CompilePool) -> dict[str, Any]:
    """The line of an operation. Raises TunerError if it has no tunable dispatch."""
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
        problem, program = dispatch.problem, dispatch.program
        assert problem is not None and program is not None
        found = spaces.find(target.name, problem)
        if found is None:
            raise TunerError(f"no space for {problem.label}")
        name, builder = found
        rng = np.random.default_rng(seed)
        pool = find_pool(builder.build(problem, extracted.limits), samples=_SAMPLES, rng=rng)
        drawn = sample_uniform(pool, rows, rng)

        def compiled(candidates: list[Candidate]) -> Any:
            return compilers.compile(
                [
                    CompileJob(
                        program=program,
                        identity=dispatch.name,
                        candidate=candidate,
                        target=target,
                        binary=folder / f"{candidate.number}.vmfb",
                        log=folder / f"{candidate.number}.log",
                    )
                    for candidate in candidates
                ]
            )

        (default,) = compiled([DEFAULT])
        bench = DispatchBench.start(runner, program, default)
        points, loads = [], []
        for first in range(0, len(drawn), _BATCH):
            candidates = [
                Candidate(number, row, pool.point(row), builder.configuration(problem, pool.point(row)))
                for number, row in enumerate(drawn[first : first + _BATCH], first + 1)
            ]
            for end in compiled(candidates):
                evaluation = bench.evaluate(end)
                # Relative to a baseline of the same minute.
                time_s = bench.baseline_s / evaluation.speedup if evaluation.speedup else None
                points.append([*evaluation.candidate.point.values(), time_s])
            loads.append(os.getloadavg()[0])
        bench.rest()
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
        "default_s": bench.baseline_s,
        "load": round(float(np.mean(loads)), 1),
        "knobs": [knob.name for knob in pool.knobs],
        "tuned_points": [],
        "random_points": points,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100)
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
        for name, case in {**CASES, **BESIDE}.items():
            if (name, options.cpu) in known or (options.only and name not in options.only):
                continue
            if time.monotonic() - started > options.stop_after_s:
                break
            began = time.monotonic()
            try:
                line = record(case, options.cpu, options.rows, options.seed, runner, compilers)
            except TunerError as error:
                print(f"{name}: {error}", flush=True)
                continue
            with options.output.open("a") as file:
                file.write(json.dumps(line) + "\n")
            lines.append(line)
            times = [point[-1] for point in line["random_points"] if point[-1]]
            gain = line["default_s"] / min(times) if times else 0.0
            print(
                f"{name}: {len(times)} of {len(line['random_points'])} timed, the best {gain:.2f}x the default,"
                f" load {line['load']}, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    print(json.dumps({"lines": len(lines), "rows": sum(len(line["random_points"]) for line in lines)}))


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates compiled per second: our worker processes against one iree-compile for each candidate.

    python benchmarks/compile_throughput.py [MODEL] [--target cpu] [--candidates 48] [--workers 2] [--rounds 3]

The same candidates of the model's first tunable dispatch are compiled both ways, in turns. One way is `CompilePool`.
The other is that of the existing tuner: for each candidate an `iree-compile` process reads the dispatch's stripped
benchmark and a spec. `ratio` is against the `iree-compile` on PATH (a Python script), `ratio_native` against the binary
that the script starts. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Annotations
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.outcome import Candidate, Fate
from tuner.specs.write import Entry, problem_spec
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.toolchain.tools import tool_path

EXAMPLE = Path(__file__).parent.parent / "examples" / "matmul_2048.mlir"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--target", default="cpu", help="as in cuda:sm_80; the device is not needed")
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    script = shutil.which("iree-compile", path=str(Path(sys.executable).parent)) or shutil.which("iree-compile")
    if script is None:
        sys.exit("iree-compile is not on PATH; activate the environment that iree-tuner is installed in")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        jobs = make_jobs(options.model, options.target, options.candidates, work)
        seconds: dict[str, list[float]] = {"ours": [], "script": [], "native": []}
        with CompilePool(options.workers, 60.0) as pool:
            pool.compile(jobs[: options.workers])  # Workers start once, as in a run.
            for _ in range(options.rounds):
                started = time.perf_counter()
                ends = pool.compile(jobs)
                seconds["ours"].append(time.perf_counter() - started)
                assert all(end.fate is Fate.COMPILED for end in ends), [end.detail for end in ends]
                for way, program in (("script", script), ("native", str(tool_path("iree-compile")))):
                    seconds[way].append(by_processes(program, jobs[0].target, work, len(jobs), options.workers))
    rates = {way: len(jobs) / statistics.median(taken) for way, taken in seconds.items()}
    print(f"| way | candidates per second ({options.workers} at a time) |\n|---|---|")
    for way, rate in rates.items():
        print(f"| {way} | {rate:.2f} |")
    result = {
        "ratio": round(rates["ours"] / rates["script"], 3),
        "ratio_native": round(rates["ours"] / rates["native"], 3),
        "candidates_per_s": {way: round(rate, 3) for way, rate in rates.items()},
    }
    print(json.dumps(result))


def make_jobs(model: Path, target_name: str, count: int, work: Path) -> list[CompileJob]:
    """Jobs for our pool. Writes the stripped benchmark and a spec for each candidate into `work`."""
    target = choose_target(target_name, threads=1)
    extracted = extract(Model.open(model, target.compile_flags), target, work)
    for dispatch in extracted.dispatches:
        if dispatch.problem is None or dispatch.program is None:
            continue
        found = spaces.find(target.name, dispatch.problem)
        if found is None:
            continue
        _, builder = found
        pool = enumerate_space(builder.build(dispatch.problem, extracted.limits))
        rows = sample_uniform(pool, count, np.random.default_rng(0))
        jobs = []
        (work / "benchmark.mlir").write_text(dispatch.program.ir_text)
        for number, row in enumerate(rows):
            configuration = builder.configuration(dispatch.problem, pool.point(row))
            jobs.append(
                CompileJob(
                    dispatch.program,
                    dispatch.name,
                    Candidate(number, configuration=configuration),
                    target,
                    work / f"ours-{number}.vmfb",
                    work / f"ours-{number}.log",
                )
            )
            write_spec(work / f"spec-{number}.mlir", target, dispatch.problem, configuration)
        return jobs
    sys.exit(f"{model} has no tunable dispatch")


def write_spec(path: Path, target: Target, problem: object, configuration: object) -> None:
    """Writes a spec with one configuration."""
    from iree.compiler import ir

    with ir.Context() as context:
        info = str(target.compilation_info(configuration, context))  # type: ignore[arg-type]
    path.write_text(problem_spec([Entry(problem, Annotations({"compilation_info": info}))]))  # type: ignore[arg-type]


def by_processes(program: str, target: Target, work: Path, count: int, workers: int) -> float:
    """Seconds to compile all candidates, each in its own process."""

    def one(number: int) -> int:
        spec = work / f"spec-{number}.mlir"
        command = [
            program,
            str(work / "benchmark.mlir"),
            "--compile-from=executable-sources",
            *target.spec_flags(spec),
            "-o",
            str(work / f"theirs-{number}.vmfb"),
        ]
        return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode

    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as threads:
        codes = list(threads.map(one, range(count)))
    taken = time.perf_counter() - started
    assert not any(codes), f"iree-compile failed for {sum(map(bool, codes))} of {count} candidates"
    return taken


if __name__ == "__main__":
    main()

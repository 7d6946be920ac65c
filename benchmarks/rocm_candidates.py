# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates and binaries for an AMD GPU: how many there are, how many compile, and how fast. No GPU is needed.

For each dispatch the space is solved, and uniformly drawn candidates are compiled, as in `iree-tune run --no-measure`.
With --amdsharktuner the same dispatch goes to that tuner's own functions (`generate_candidate_specs` and `compile`),
with as many candidates and workers, but with its own spaces and rules. Neither tuner runs a candidate. The last line is
one JSON object.

    python benchmarks/rocm_candidates.py --samples 60
    python benchmarks/rocm_candidates.py --amdsharktuner CHECKOUT --output benchmarks/results/rocm_candidates.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import problem_sizes as sizes
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import find_pool, sample_uniform
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import TunerError
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import Candidate
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.tuning.plan import plan

COMPILE_TIMEOUT_S = 30.0
THEIRS_TIMEOUT_S = 600.0
_PRODUCT, _TALL = (2048, 2048, 2048), (512, 4096, 4096)
TILE_AND_FUSE, VECTOR_DISTRIBUTE = "llvmgpu_tile_and_fuse", "llvmgpu_vector_distribute"


@dataclass(frozen=True, slots=True)
class Case:
    """A dispatch, and the pipeline in which the other tuner tunes it. It takes one pipeline at a time."""

    name: str
    mlir: str
    pipeline: str = TILE_AND_FUSE


CASES = (
    *(
        Case(f"matmul 2048x2048x2048 {name}", sizes.product(_PRODUCT, name))
        for name in ("f16", "bf16", "f8E4M3FNUZ", "i8", "f32")
    ),
    Case("matmul 512x4096x4096 f16", sizes.product(_TALL, "f16")),
    Case("conv 1x32x32 1280 to 1280 3x3 f16", sizes.convolution((1, 32, 32, 1280, 1280, 3, 1, 1), "f16")),
    Case("conv 1x56x56 64 to 64 3x3 f16", sizes.convolution((1, 56, 56, 64, 64, 3, 1, 1), "f16")),
    Case("attention 20x4096x4096x64 f16", sizes.attention((20, 4096, 4096, 64, 64), "f16"), VECTOR_DISTRIBUTE),
    Case("attention 12x384x384x64 bf16", sizes.attention((12, 384, 384, 64, 64), "bf16"), VECTOR_DISTRIBUTE),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one tuner made of a dispatch.

    `solutions` is the number that its constraints allow. `solve_s` is the seconds to find them and to draw `asked`
    candidates, `compile_s` the seconds to compile these, `compile_cpu_s` the processors' time for it, which other work
    on the machine disturbs less. `failures` maps reasons to their counts.
    """

    solutions: int
    asked: int
    compiled: int
    solve_s: float
    compile_s: float
    compile_cpu_s: float
    failures: dict[str, int]


def children_cpu_s() -> float:
    """The processors' time of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ours(
    dispatch: Dispatch, extracted: Extracted, target: Target, count: int, workers: int, folder: Path
) -> tuple[str, Counted]:
    """The name of our space, and what we make of the dispatch."""
    planned = plan([dispatch], target, Options())
    if not planned.tasks:
        raise TunerError(f"{dispatch.name}: {planned.left[dispatch.name]}")
    (task,) = planned.tasks
    started = time.perf_counter()
    rng = np.random.default_rng(0)
    pool = find_pool(task.builder.build(task.problem, extracted.limits), samples=count, rng=rng)
    configurations = [
        task.builder.configuration(task.problem, pool.point(row)) for row in sample_uniform(pool, count, rng)
    ]
    solve_s = time.perf_counter() - started
    cpu_before_s = children_cpu_s()
    with CompilePool(workers, COMPILE_TIMEOUT_S) as compilers:
        started = time.perf_counter()
        ends = compilers.compile(
            [
                CompileJob(
                    task.program,
                    dispatch.name,
                    Candidate(number, configuration=configuration),
                    target,
                    folder / f"{number}.vmfb",
                    folder / f"{number}.log",
                )
                for number, configuration in enumerate(configurations)
            ]
        )
        compile_s = time.perf_counter() - started
    cpu_s = children_cpu_s() - cpu_before_s
    failed = Counter(f"{end.fate.value}: {end.detail[:120]}" for end in ends if end.binary is None)
    compiled = sum(end.binary is not None for end in ends)
    return task.space_name, Counted(len(pool), len(ends), compiled, solve_s, compile_s, cpu_s, dict(failed))


# For an interpreter that has amdsharktuner's requirements, with a checkout of mid-2026.
OTHER_TUNER = """
import json, logging, resource, sys, time
from pathlib import Path

def cpu_s():
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, kinds))

def main():
    from amdsharktuner import common, libtuner
    from dispatch_tuner.dispatch_tuner import DispatchTuner
    target_flags = sys.argv.pop(1).split()
    args = libtuner.parse_arguments()
    paths = libtuner.PathConfig()
    paths.base_dir.mkdir(parents=True, exist_ok=True)
    logger = libtuner.setup_logging(args, paths)
    said = []
    class Listener(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(Listener())
    with common.TunerContext(logger=logger) as context:
        client = DispatchTuner(context)
        started = time.perf_counter()
        candidates = libtuner.generate_candidate_specs(args, paths, client)
        solved, cpu_before_s = time.perf_counter(), cpu_s()
        client.compile_flags = [*target_flags, "--compile-from=executable-sources"]
        libtuner.compile(args, paths, candidates, client)
        ended, spent_s = time.perf_counter(), cpu_s() - cpu_before_s
        own = [index for index in candidates if index != 0]
        sizes = [int(text.rpartition(" ")[2]) for text in said if text.startswith("Max search space size")]
        if not sizes:
            why = [text for text in said if text.startswith("No suitable")]
            sys.exit("no candidates: " + (why or said)[-1])
        compiled = sum(bool(client.tuning_records[index].compile_status) for index in own)
        print(json.dumps({"solutions": sizes[0], "asked": len(own), "compiled": compiled,
                          "solve_s": solved - started, "compile_s": ended - solved, "compile_cpu_s": spent_s,
                          "failures": {}}))

if __name__ == "__main__":
    main()
"""


def theirs(case: Case, benchmark: Path, target: Target, count: int, workers: int, checkout: Path) -> Counted | str:
    """What amdsharktuner makes of the same benchmark file, or why it makes nothing."""
    (package,) = {path.parent.parent for path in checkout.rglob("amdsharktuner/candidate_gen.py")}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "drive.py"
        script.write_text(OTHER_TUNER)
        options = [f"--num-candidates={count}", f"--max-cpu-workers={workers}", f"--codegen-pipeline={case.pipeline}"]
        words = [sys.executable, str(script), " ".join(target.compile_flags), str(benchmark), *options]
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**os.environ, "PYTHONPATH": str(package), "PATH": binaries}
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                timeout=THEIRS_TIMEOUT_S,
                check=False,
                env=environment,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            return f"not done within {THEIRS_TIMEOUT_S:.0f} s"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200]
        found = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return Counted(**json.loads(found[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", default="gfx942")
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="a regular expression that names must match")
    parser.add_argument("--amdsharktuner", type=Path, help="a checkout; this interpreter then needs its requirements")
    parser.add_argument("--output", type=Path, help="where results are appended; what stands there is not run again")
    arguments = parser.parse_args()
    target = choose_target(f"rocm:{arguments.chip}")
    lines = arguments.output.read_text().splitlines() if arguments.output and arguments.output.exists() else []
    results = {result["name"]: result for result in map(json.loads, lines)}
    for case in CASES:
        if case.name in results or not re.search(arguments.only, case.name):
            continue
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            (folder / "model.mlir").write_text(case.mlir)
            extracted = extract(Model.open(folder / "model.mlir", target.compile_flags), target, folder)
            (dispatch,) = extracted.dispatches
            space, counted = ours(dispatch, extracted, target, arguments.samples, arguments.workers, folder / "ours")
            result = {"name": case.name, "chip": arguments.chip, "space": space, "ours": asdict(counted)}
            if arguments.amdsharktuner:
                (benchmark,) = (folder / "benchmarks").glob("*_benchmark.mlir")
                other = theirs(
                    case, benchmark, target, arguments.samples, arguments.workers, arguments.amdsharktuner.absolute()
                )
                result["amdsharktuner"] = other if isinstance(other, str) else asdict(other)
        print(json.dumps(result), flush=True)
        results[case.name] = result
        if arguments.output:
            with arguments.output.open("a") as file:
                file.write(json.dumps(result) + "\n")
    made = [result["ours"] for result in results.values()]
    compiled, asked = (sum(each[what] for each in made) for what in ("compiled", "asked"))
    valid = [each["compiled"] / each["asked"] for each in made]
    print(
        json.dumps(
            {"dispatches": len(made), "compiled": compiled, "asked": asked, "min_valid": min(valid, default=None)}
        )
    )


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Do the points of a space compile and compute what the default computes, and is the default among them?

For each dispatch of the models, uniformly drawn points are compiled. With --run they also run, and their outputs are
compared with the default's. Failures are listed by reason. The last line is one JSON object.

    python benchmarks/space_validity.py                                   # examples/cpu_kinds.mlir and the matmuls
    python benchmarks/space_validity.py --run examples/matmul_1024x768x512.mlir -- --iree-opt-data-tiling
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from tuner import native, spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Pool, enumerate_space, sample_uniform
from tuner.dispatch import Dispatch, Problem
from tuner.dispatches.extract import extract
from tuner.evaluate.bench import DispatchBench
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.outcome import Candidate, Compilation, Fate
from tuner.targets import Limits, Target
from tuner.targets.cpu import CpuTarget

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = ("cpu_kinds", "matmul_1024x768x512", "batch_matmul", "matvec_4096", "matmul_bias_relu")
TIMEOUT_S = 60.0


def is_default_inside(dispatch: Dispatch, problem: Problem, pool: Pool, pipelines: Collection[str]) -> bool:
    """Whether the pool has a point with the default's root levels, and one of the pipelines is the default's.

    An untiled loop is one tile.
    """
    from iree.compiler import ir

    assert dispatch.default is not None
    if not any(f"<{pipeline}>" in dispatch.default.translation_info for pipeline in pipelines):
        return False
    columns = {knob.name: pool.rows[:, index] for index, knob in enumerate(pool.knobs)}
    with ir.Context() as context:
        native.register_passes()
        for text in dispatch.default.lowering_configs:
            levels = native.read_cpu_lowering_config(ir.Attribute.parse(text, context))
            if "distribution" not in levels:
                continue
            sizes = {name: level.sizes for name, level in levels.items()}
            rows = np.ones(len(pool), dtype=bool)
            for index, loop in enumerate(problem.loops):
                whole = loop.extent
                for prefix, wanted in _wanted(sizes, index, loop.is_parallel).items():
                    if f"{prefix}{index}" in columns:
                        rows &= columns[f"{prefix}{index}"] == (min(wanted, whole) or (0 if prefix == "c" else whole))
            return bool(rows.any())
    return False


def _wanted(sizes: Mapping[str, tuple[int, ...]], index: int, is_parallel: bool) -> dict[str, int]:
    def size(level: str) -> int:
        return sizes.get(level, ())[index] if index < len(sizes.get(level, ())) else 0

    if is_parallel:
        return {"d": size("distribution"), "v": size("vector_common_parallel")}
    return {"c": size("cache_reduction"), "v": size("vector_reduction")}


def check(
    dispatch: Dispatch,
    target: Target,
    limits: Limits,
    folder: Path,
    samples: int,
    compilers: CompilePool,
    runner: Runner | None,
) -> dict[str, object] | None:
    """Draws and compiles points, and runs them if asked. None if the dispatch has no space."""
    problem, program = dispatch.problem, dispatch.program
    if problem is None or program is None:
        print(f"{dispatch.name}: no space: {dispatch.untunable}", flush=True)
        return None
    found = spaces.find(target.name, problem)
    if found is None:
        print(f"{dispatch.name}: no space serves {problem.label}", flush=True)
        return None
    name, builder = found
    pool = enumerate_space(builder.build(problem, limits))
    rows = sample_uniform(pool, samples, np.random.default_rng(0))
    configurations = [builder.configuration(problem, pool.point(row)) for row in rows]
    jobs = [
        CompileJob(
            program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            target,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate([None, *configurations])
    ]
    default, *ends = compilers.compile(jobs)
    failures = Counter(f"{end.fate.value}: {end.detail[:110]}" for end in ends if end.fate is not Fate.COMPILED)
    compiled = [end for end in ends if end.fate is Fate.COMPILED]
    inside = is_default_inside(dispatch, problem, pool, {tried.pipeline for tried in configurations})
    best = None
    if runner is not None:
        best, wrong = run_all(DispatchBench.start(runner, program, default), ends)
        failures.update(wrong)
    slowest = max(end.seconds for end in ends)
    print(
        f"{dispatch.name}: {name}, {len(pool):,} solutions; {len(compiled)} of {len(ends)} compile"
        f" (slowest {slowest:.1f} s); default {'inside' if inside else 'OUTSIDE'}"
        + (f"; best of them {best:.2f} times the default's speed" if best is not None else ""),
        flush=True,
    )
    for reason, count in failures.most_common():
        print(f"    {count} x {reason}", flush=True)
    if not inside and dispatch.default is not None:
        print(f"    default: {dispatch.default}", flush=True)
    return {"dispatch": dispatch.name, "valid": len(compiled) / len(ends), "default_inside": inside}


def run_all(bench: DispatchBench, ends: list[Compilation]) -> tuple[float, Counter[str]]:
    """The best speed-up of the candidates that ran, and the reasons of those that failed or were wrong."""
    reasons: Counter[str] = Counter()
    best = 0.0
    for end in ends:
        if end.fate is not Fate.COMPILED:
            continue
        evaluation = bench.evaluate(end)
        if evaluation.fate is Fate.MEASURED:
            best = max(best, evaluation.speedup or 0.0)
        else:
            reasons[f"{evaluation.fate.value}: {evaluation.detail[:110]}"] += 1
    return best, reasons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="models in MLIR; after -- flags of iree-compile")
    parser.add_argument("--run", action="store_true", help="also execute and compare with the default")
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments, flags = parser.parse_args(words[:split]), words[split + 1 :]
    models = arguments.models or [EXAMPLES / f"{name}.mlir" for name in MODELS]
    target = CpuTarget()
    found = []
    with (
        tempfile.TemporaryDirectory() as work,
        CompilePool(arguments.workers, TIMEOUT_S) as compilers,
        Runner(target.device) if arguments.run else nullcontext() as runner,
    ):
        for path in models:
            folder = Path(work) / path.stem
            folder.mkdir()
            extracted = extract(Model.open(path, (*target.compile_flags, *flags)), target, folder)
            for dispatch in extracted.dispatches:
                result = check(
                    dispatch, target, extracted.limits, folder / dispatch.name, arguments.samples, compilers, runner
                )
                found += [result] if result is not None else []
    print(
        json.dumps(
            {
                "spaces": len(found),
                "min_valid": min((float(str(each["valid"])) for each in found), default=None),
                "defaults_outside": [each["dispatch"] for each in found if not each["default_inside"]],
            }
        )
    )


if __name__ == "__main__":
    main()

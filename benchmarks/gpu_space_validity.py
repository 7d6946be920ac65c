# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Do the points of the compiler-emitted spaces compile, narrow and widened? For GPUs that need not be here.

For each model, chip and pipeline: uniformly drawn points are materialized, applied late and compiled to a binary.
The last line is one JSON object.

    python benchmarks/gpu_space_validity.py --chip gfx942 --samples 40
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from iree.compiler import ir

from tuner import native
from tuner.compiling import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import BenchmarkProgram, Problem
from tuner.emitting import emit_constraints, materialize
from tuner.ir_reading import ops_named, read_problem
from tuner.model import Model
from tuner.outcome import Fate
from tuner.spaces.compiler_emitted import CompilerEmitted, widened
from tuner.targets import Limits, Target
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = ("gpu_matmul_2048_f16", "gpu_attention_4096_f16", "gpu_conv_32x32x1280_f16")
NOTHING = Problem("emitted", (), ())
NO_LIMITS = Limits(0, 1)
TIMEOUT_S = 90.0


def stripped(model: Path, target: Target, folder: Path) -> tuple[str, str, Problem]:
    """The model's one dispatch, marked and without a configuration: its identity, its text and its problem."""
    benchmarks = folder / "benchmarks"
    benchmarks.mkdir(parents=True)
    Model.open(model, target.compile_flags).compile_or_reject(
        folder / "configured.mlir",
        "--iree-codegen-add-tuner-attributes",
        f"--iree-hal-dump-executable-benchmarks-to={benchmarks}",
        "--compile-to=executable-configurations",
    )
    (path,) = benchmarks.glob("*_benchmark.mlir")
    with ir.Context():
        module = ir.Module.parseFile(str(path))
        native.annotate_root_ops(module.operation)
        (root,) = native.find_root_ops(module.operation)
        (variant,) = ops_named(module.operation, "hal.executable.variant")
        (function,) = ops_named(variant, "func.func")
        problem = read_problem(root.operation.operation, function)
        native.strip_configuration(module.operation)
        return root.dispatch, str(module), NOTHING if isinstance(problem, str) else problem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", action="append", choices=("gfx942", "sm_80"))
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--narrow", action="store_true", help="only the compiler's own space, nothing opened")
    arguments = parser.parse_args()
    valid = {}
    with tempfile.TemporaryDirectory() as work, CompilePool(arguments.workers, TIMEOUT_S) as compilers:
        for chip in arguments.chip or ("gfx942", "sm_80"):
            is_amd = chip.startswith("gfx")
            target: Target = RocmTarget(chip) if is_amd else CudaTarget(chip)
            for name in MODELS:
                folder = Path(work) / chip / name
                identity, text, problem = stripped(EXAMPLES / f"{name}.mlir", target, folder)
                sets = emit_constraints(EXAMPLES / f"{name}.mlir", target.compile_flags, folder)
                program = BenchmarkProgram(text, "", "", 0, ())
                for index, emitted in enumerate(sets):
                    if arguments.narrow:
                        builder = CompilerEmitted(target.name, None, emitted, materialize)
                    else:
                        waves = (0, 1, 2, 4) if is_amd else ()
                        builder = CompilerEmitted(
                            target.name, None, widened(emitted), materialize, stages=(0, 2, 3), waves_per_eu=waves
                        )
                    pool = enumerate_space(builder.build(problem, NO_LIMITS))
                    rows = sample_uniform(pool, arguments.samples, np.random.default_rng(0))
                    jobs = [
                        CompileJob(
                            program,
                            identity,
                            builder.configuration(problem, pool.point(row)),
                            target,
                            folder / f"{index}-{row}.vmfb",
                            folder / f"{index}-{row}.log",
                        )
                        for row in rows
                    ]
                    ends = compilers.compile(jobs)
                    compiled = sum(end.fate is Fate.COMPILED for end in ends)
                    label = f"{name} {chip} {emitted.pipeline} {index}"
                    valid[label] = compiled / len(ends)
                    slowest = max(end.seconds for end in ends)
                    print(
                        f"{label}: {len(pool):,} solutions, {compiled} of {len(ends)} compile, slowest {slowest:.1f} s"
                    )
                    reasons = Counter(f"{end.fate.value}: {end.detail[:140]}" for end in ends if not end.binary)
                    for reason, count in reasons.most_common():
                        print(f"    {count} x {reason}", flush=True)
                    for row, end in zip(rows, ends, strict=True):
                        if not end.binary:
                            print(f"      {pool.point(row)}", flush=True)
    print(json.dumps({"min_valid": min(valid.values()), "valid": valid}))


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact enumeration against z3's blocking clauses, on the constraints that IREE itself emits.

For each set: the text of the constraints goes to both, each gives all solutions, the two sets are compared as sets.
Ours is timed five times, interpreter warm, and the median counts; z3 runs once. With --amdsharktuner, the time to the
first 100 candidates (as attributes, from having the dispatch) is compared with that tuner's on the gfx942 matmul; its
constraints are its own, so the sets differ. The last line is one JSON object.

    python benchmarks/enumeration.py            # minutes: z3 needs them
    python benchmarks/enumeration.py --only matmul --amdsharktuner OTHER-ENVIRONMENT/bin/python
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import z3

from tuner.constraints import enumerate_space, read_smtlib, sample_space_filling, sample_uniform
from tuner.emitting import emit_constraints, materialize, materialize_all
from tuner.spaces.compiler_emitted import EmittedConstraints, emitted_space

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = {
    "matmul": EXAMPLES / "gpu_matmul_2048_f16.mlir",
    "attention": EXAMPLES / "gpu_attention_4096_f16.mlir",
    "conv": EXAMPLES / "gpu_conv_32x32x1280_f16.mlir",
}
GFX942 = ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx942")
SM_80 = ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80")
SETS = (
    ("matmul", "gfx942", GFX942),
    ("matmul", "sm_80", SM_80),
    ("attention", "gfx942", GFX942),
    ("conv", "gfx942", GFX942),
)
REPEATS = 5


def ours(text: str) -> tuple[set[tuple[int, ...]], list[str], float]:
    """Our solutions as a set, the names of its columns, and the median seconds from text to pool."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        pool = enumerate_space(read_smtlib(text))
        times.append(time.perf_counter() - started)
    return {tuple(row) for row in pool.rows.tolist()}, [knob.name for knob in pool.knobs], statistics.median(times)


def blocking_clauses(text: str, names: list[str]) -> tuple[set[tuple[int, ...]], float]:
    """z3's solutions and the seconds from text to the last of them. Ends by `unsat` or raises: `unknown` is no end."""
    started = time.perf_counter()
    solver = z3.Solver()
    solver.add(z3.parse_smt2_string(text))
    constants = [z3.Int(name) for name in names]
    found = set()
    while (answer := solver.check()) == z3.sat:
        model = solver.model()
        point = tuple(model.eval(constant, model_completion=True).as_long() for constant in constants)
        found.add(point)
        solver.add(z3.Or([constant != value for constant, value in zip(constants, point, strict=True)]))
    if answer != z3.unsat:
        raise RuntimeError(f"z3 answered {answer}: {solver.reason_unknown()}")
    return found, time.perf_counter() - started


def first_candidate_s(emitted: EmittedConstraints) -> float:
    """Seconds from having the constraints to the first candidate's attributes."""
    started = time.perf_counter()
    pool = enumerate_space(emitted_space(emitted))
    (row,) = sample_space_filling(pool, 1, np.random.default_rng(0))
    materialize(emitted, pool.point(row))
    return time.perf_counter() - started


# Run by the interpreter of the other tuner's environment (amdsharktuner 3.9.0 with iree-base-compiler 3.9.0).
OTHER_TUNER = """
import glob, json, logging, subprocess, sys, tempfile, time
from pathlib import Path
from iree.compiler import ir
from iree.compiler.dialects import iree_codegen, iree_gpu
from amdsharktuner import candidate_gen, common

model, pipeline, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
folder = tempfile.mkdtemp()
compiler = Path(sys.executable).parent / "iree-compile"
flags = ["--iree-hal-target-backends=rocm", "--iree-hip-target=gfx942", "--iree-config-add-tuner-attributes"]
flags += [f"--iree-hal-dump-executable-benchmarks-to={folder}", "--compile-to=executable-configurations"]
subprocess.run([str(compiler), model, *flags, "-o", f"{folder}/configured.mlir"], check=True)
(path,) = glob.glob(f"{folder}/*_benchmark.mlir")
with common.TunerContext() as context:
    module = ir.Module.parse(Path(path).read_text(), context.mlir_ctx)
    variants = []
    def visit(op):
        if op.name == "hal.executable.variant":
            variants.append(op)
        return ir.WalkResult.ADVANCE
    module.operation.walk(visit)
    tuner = candidate_gen.set_dispatch_tuner(module, context)
    info = iree_gpu.TargetInfo.get_gpu_target_info(variants[0].attributes["target"])
    wanted = getattr(iree_codegen.DispatchLoweringPassPipeline, f"LLVMGPU{pipeline}")
    started = time.perf_counter()
    solutions = candidate_gen.generate_solutions(tuner, info, context, codegen_pipeline=wanted)
    got = sum(1 for _ in zip(range(count), solutions))
    print(json.dumps({"candidates": got, "seconds": time.perf_counter() - started}))
"""
FIRST = 100


def first_candidates_ratio(emitted: EmittedConstraints, other: str) -> float:
    """How many times sooner the first candidates are there than with the other tuner."""

    def ours_s() -> float:
        started = time.perf_counter()
        pool = enumerate_space(emitted_space(emitted))
        rows = sample_uniform(pool, FIRST, np.random.default_rng(0))
        materialize_all(emitted, [pool.point(row) for row in rows])
        return time.perf_counter() - started

    seconds = statistics.median(ours_s() for _ in range(REPEATS))
    command = [other, "-c", OTHER_TUNER, str(MODELS["matmul"]), emitted.pipeline, str(FIRST)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    theirs = json.loads(result.stdout.splitlines()[-1])
    ratio = float(theirs["seconds"] / seconds)
    print(
        f"    first {theirs['candidates']} candidates: amdsharktuner {theirs['seconds']:.3f} s, ours {seconds:.3f} s,"
        f" ratio {ratio:.0f}",
        flush=True,
    )
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MODELS, help="one kind of dispatch")
    parser.add_argument("--amdsharktuner", help="an interpreter that has amdsharktuner, to compare with")
    arguments = parser.parse_args()
    only = arguments.only
    equal, ratios, first, others = True, [], [], []
    print(f"{'set':<34}{'solutions':>10}{'equal':>7}{'ours, ms':>10}{'z3, s':>9}{'ratio':>8}", flush=True)
    for kind, chip, flags in SETS:
        if only not in (None, kind):
            continue
        with tempfile.TemporaryDirectory() as folder:
            sets = emit_constraints(MODELS[kind], flags, Path(folder))
        for index, emitted in enumerate(sets):
            if kind == "matmul":
                first.append(first_candidate_s(emitted))
            found, names, seconds = ours(emitted.smtlib)
            expected, z3_s = blocking_clauses(emitted.smtlib, names)
            equal &= found == expected
            ratios.append(z3_s / seconds)
            name = f"{kind} {chip} {emitted.pipeline} {index}"
            numbers = f"{1000 * seconds:>10.1f}{z3_s:>9.1f}{ratios[-1]:>8.0f}"
            print(f"{name:<34}{len(found):>10}{found == expected!s:>7}{numbers}", flush=True)
            if arguments.amdsharktuner and kind == "matmul" and chip == "gfx942":
                others.append(first_candidates_ratio(emitted, arguments.amdsharktuner))
    result = {
        "sets_equal": equal,
        "min_ratio_vs_z3": round(min(ratios), 1),
        "first_candidate_s": round(max(first), 3) if first else None,
        "min_ratio_vs_amdsharktuner": round(min(others), 1) if others else None,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact enumeration against z3's blocking clauses, on the constraints that IREE itself emits.

Both get the text of each set of constraints and return all solutions, which are compared as sets. Ours is timed five
times in a warm interpreter, and the median counts; z3 runs once. With --amdsharktuner, the time from having the
dispatch to the first 100 candidates as attributes is compared with that tuner's, on the gfx942 dispatches. That tuner
has constraints of its own, so the sets differ. The last line is one JSON object.

    python benchmarks/enumeration.py            # minutes: z3 needs them
    python benchmarks/enumeration.py --only matmul --amdsharktuner CHECKOUT
    python benchmarks/enumeration.py --only matmul --amdsharktuner OTHER-ENVIRONMENT/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import z3

from emitted_constraints import emit_constraints, materialize, materialize_all
from emitted_space import EmittedConstraints, emitted_space
from tuner.constraints import enumerate_space, read_smtlib, sample_space_filling, sample_uniform

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
    """z3's solutions and the seconds from the text to the last one. Raises unless z3 ends with `unsat`."""
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


# For an interpreter with amdsharktuner: the wheel 3.9.0 with IREE 3.9.0, or a checkout of mid-2026 with 3.13.0.
OTHER_TUNER = """
import glob, json, subprocess, sys, tempfile, time
from pathlib import Path
from iree.compiler import ir
from iree.compiler.dialects import iree_codegen, iree_gpu
from amdsharktuner import candidate_gen, common

model, pipeline, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
is_wheel = hasattr(candidate_gen, "set_dispatch_tuner")
folder = tempfile.mkdtemp()
flags = ["--iree-hal-target-backends=rocm", "--iree-hip-target=gfx942", "--iree-config-add-tuner-attributes"]
if not is_wheel:
    flags = ["--iree-hal-target-device=hip", "--iree-rocm-target=gfx942", "--iree-codegen-add-tuner-attributes"]
flags += [f"--iree-hal-dump-executable-benchmarks-to={folder}", "--compile-to=executable-configurations"]
compiler = Path(sys.executable).parent / "iree-compile"
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
    info = iree_gpu.TargetInfo.get_gpu_target_info(variants[0].attributes["target"])
    if is_wheel:
        wanted = getattr(iree_codegen.DispatchLoweringPassPipeline, f"LLVMGPU{pipeline}")
        tuner, how = candidate_gen.set_dispatch_tuner(module, context), {"codegen_pipeline": wanted}
    else:
        known = candidate_gen.get_supported_dispatch_tuners(info.arch, getattr(iree_gpu.LoweringPipeline, pipeline))
        tuner, how = candidate_gen.instantiate_dispatch_tuner(module, context, known), {}
    started = time.perf_counter()
    solutions = candidate_gen.generate_solutions(tuner, info, context, **how)
    got = sum(1 for _ in zip(range(count), solutions))
    print(json.dumps({"candidates": got, "seconds": time.perf_counter() - started}))
"""
FIRST = 100


def first_candidates_ratio(emitted: EmittedConstraints, model: Path, other: Path) -> float | None:
    """The other tuner's time to its first candidates, divided by ours to as many; None if it has no candidates.

    `other` is an interpreter that has the other tuner, or a checkout of it, which this interpreter runs.
    """
    interpreter, environment = str(other), dict(os.environ)
    if other.is_dir():
        (package,) = {path.parent.parent for path in other.rglob("amdsharktuner/candidate_gen.py")}
        interpreter, environment["PYTHONPATH"] = sys.executable, str(package)
    command = [interpreter, "-c", OTHER_TUNER, str(model), emitted.pipeline, str(FIRST)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    if result.returncode != 0:
        print(f"    amdsharktuner does not run on it: {result.stderr.strip().splitlines()[-1][:120]}", flush=True)
        return None
    theirs = json.loads(result.stdout.splitlines()[-1])

    def ours_s() -> float:
        started = time.perf_counter()
        pool = enumerate_space(emitted_space(emitted))
        rows = sample_uniform(pool, min(theirs["candidates"], len(pool)), np.random.default_rng(0))
        materialize_all(emitted, [pool.point(row) for row in rows])
        return time.perf_counter() - started

    seconds = statistics.median(ours_s() for _ in range(REPEATS))
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
    parser.add_argument(
        "--amdsharktuner",
        type=Path,
        help="a checkout, run by this interpreter (which then needs its requirements), or an interpreter that has it",
    )
    arguments = parser.parse_args()
    only = arguments.only
    equal, ratios, first, others = True, [], [], []
    compared: set[tuple[str, str]] = set()
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
            if arguments.amdsharktuner and chip == "gfx942" and (kind, emitted.pipeline) not in compared:
                compared.add((kind, emitted.pipeline))
                ratio = first_candidates_ratio(emitted, MODELS[kind], arguments.amdsharktuner)
                others += [] if ratio is None else [ratio]
    result = {
        "sets_equal": equal,
        "min_ratio_vs_z3": round(min(ratios), 1),
        "first_candidate_s": round(max(first), 3) if first else None,
        "min_ratio_vs_amdsharktuner": round(min(others), 1) if others else None,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

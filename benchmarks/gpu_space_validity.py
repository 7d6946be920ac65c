# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Do the points of the GPU spaces compile, of ours and of those that the compiler emits? No GPU is needed.

For each problem, chip and pipeline, uniformly drawn points are applied late and compiled to a binary. Failures are
listed with their reasons. The last line is one JSON object.

    python benchmarks/gpu_space_validity.py --chip gfx942 --samples 40
    python benchmarks/gpu_space_validity.py --chip sm_80 --spaces own --only attention
    python benchmarks/gpu_space_validity.py --chip sm_90 --spaces own --only '^product' --fix warpgroups=1
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import z3
from iree.compiler import ir

import problem_sizes as sizes
from emitted_constraints import emit_constraints, materialize
from emitted_space import CompilerEmitted, widened
from tuner import native, plugins, spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Rule, Space, find_pool, sample_uniform
from tuner.dispatch import BenchmarkProgram, Problem
from tuner.dispatches.extract import extract
from tuner.dispatches.problems import read_problem
from tuner.model.model import Model
from tuner.outcome import Candidate, Fate
from tuner.spaces import SpaceBuilder
from tuner.targets import Limits, Target
from tuner.targets.cuda import choose
from tuner.targets.rocm import RocmTarget
from tuner.toolchain.operations import dispatch_functions

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = ("gpu_matmul_2048_f16", "gpu_attention_4096_f16", "gpu_conv_32x32x1280_f16")
_PRODUCT = (2048, 2048, 2048)
OWN = {
    **{f"product 2048 {name}": sizes.product(_PRODUCT, name) for name in ("f16", "bf16", "f32", "i8", "f8E4M3FNUZ")},
    **{f"product 35x8457x2560 {name}": sizes.product((35, 8457, 2560), name) for name in ("f16", "f32")},
    "product 5124x9124x2560 i8": sizes.product((5124, 9124, 2560), "i8"),
    "product 1500x5120x1280 f32": sizes.product((1500, 5120, 1280), "f32"),
    "product 512x14336x4096 f16": sizes.product((512, 14336, 4096), "f16"),
    "product 512x4096x4096 f16 transposed": sizes.product((512, 4096, 4096), "f16", transposed=True),
    "batch 8x512x512x256 f16": sizes.product((512, 512, 256), "f16", batch=8),
    "batch 8x512x512x256 i8": sizes.product((512, 512, 256), "i8", batch=8),
    "matvec 1x4096x4096 f16": sizes.product((1, 4096, 4096), "f16"),
    "matvec 1x4096x4096 f32 transposed": sizes.product((1, 4096, 4096), "f32", transposed=True),
    "matvec 32000x1x8192 f16": sizes.product((32000, 1, 8192), "f16"),
    "softmax 32x4096 f16": sizes.softmax((32, 4096), "f16"),
    "softmax 128x32000 f32": sizes.softmax((128, 32000), "f32"),
    "softmax 20x1500 f16": sizes.softmax((20, 1500), "f16"),
    "sum 4096x1280 f32": sizes.row_sum((4096, 1280), "f32"),
    "rows 1024x3072 f16": sizes.biased((1024, 3072), "f16"),
    "transpose 512x1024 f16": sizes.transpose((512, 1024), (1, 0), "f16"),
    "transpose 128x12x64 f16": sizes.transpose((128, 12, 64), (1, 0, 2), "f16"),
    "transpose 8x64x56x56 f16": sizes.transpose((8, 64, 56, 56), (0, 2, 3, 1), "f16"),
    "copy 24x224x224 f16": sizes.bordered((24, 224, 224), "f16"),
    "pooling 8x64x56x56 f16": sizes.max_pooling((8, 64, 56, 3, 2), "f16"),
    "attention 20x4096x4096x64x64 f16": sizes.attention((20, 4096, 4096, 64, 64), "f16"),
    "attention 12x384x384x64x64 bf16": sizes.attention((12, 384, 384, 64, 64), "bf16"),
    "attention 20x1024x1024x64x64 f16 masked": sizes.attention((20, 1024, 1024, 64, 64), "f16", masked=True),
    "attention 512x4096x4096x128x128 f16": sizes.attention((512, 4096, 4096, 128, 128), "f16"),
    **{
        f"convolution {'x'.join(map(str, each))} {name}": sizes.convolution(each, name)
        for name in ("f16", "f32")
        for each in (sizes.CONVOLUTION[2], sizes.CONVOLUTION[5], sizes.CONVOLUTION[9], sizes.CONVOLUTION[11])
    },
    **{
        f"convolution {'x'.join(map(str, each))} f16 channels first": sizes.convolution(
            each, "f16", channels_first=True
        )
        for each in (sizes.CONVOLUTION[4], sizes.CONVOLUTION[9])
    },
}
NOTHING = Problem("emitted", (), ())
NO_LIMITS = Limits(0, 1)
TIMEOUT_S = 90.0


def stripped(model: Path, target: Target, folder: Path) -> tuple[str, str, Problem]:
    """The identity, the text and the problem of the model's only dispatch, marked and without a configuration."""
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
        (function,) = dispatch_functions(module.operation)
        problem = read_problem(root.operation.operation, function)
        native.strip_configuration(module.operation)
        return root.dispatch, str(module), NOTHING if isinstance(problem, str) else problem


@dataclass(frozen=True, slots=True)
class Case:
    """A space, and the stripped dispatch that its points configure."""

    label: str
    builder: SpaceBuilder
    problem: Problem
    limits: Limits
    identity: str
    program: BenchmarkProgram


def own(target: Target, only: str, folder: Path) -> Iterator[Case]:
    """Our own spaces, for each problem that they serve, those included that must be named."""
    for index, (name, text) in enumerate(OWN.items()):
        if not re.search(only, name):
            continue
        path = folder / f"own-{index}" / "model.mlir"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        extracted = extract(Model.open(path, target.compile_flags), target, path.parent)
        for dispatch in extracted.dispatches:
            if dispatch.problem is None or dispatch.program is None:
                print(f"{name}: no space: {dispatch.untunable}", flush=True)
                continue
            for space in plugins.names(spaces.GROUP):
                found = spaces.find(target.name, dispatch.problem, (space,))
                if found is not None:
                    yield Case(
                        f"{name}, {space}",
                        found[1],
                        dispatch.problem,
                        extracted.limits,
                        dispatch.name,
                        dispatch.program,
                    )


def emitted_by_the_compiler(target: Target, only: str, folder: Path, *, narrow: bool) -> Iterator[Case]:
    """The compiler's spaces, widened unless `narrow`."""
    for name in MODELS:
        if not re.search(only, name):
            continue
        identity, text, problem = stripped(EXAMPLES / f"{name}.mlir", target, folder / name)
        sets = emit_constraints(EXAMPLES / f"{name}.mlir", target.compile_flags, folder / name)
        for index, emitted in enumerate(sets):
            builder = CompilerEmitted(target.name, None, emitted, materialize)
            if not narrow:
                occupancies = (0, 1, 2, 4) if target.name == "rocm" else ()
                builder = CompilerEmitted(
                    target.name, None, widened(emitted), materialize, stages=(0, 2, 3), occupancy=occupancies
                )
            program = BenchmarkProgram(text, "", "", "", 0, ())
            yield Case(f"{name} {emitted.pipeline} {index}, emitted", builder, problem, NO_LIMITS, identity, program)


def fixed(space: Space, knobs: dict[str, int]) -> Space:
    """The part of the space in which these knobs have these values; all of it if it lacks one of them."""
    if not knobs.keys() <= {knob.name for knob in space.knobs}:
        return space
    rules = [Rule(f"{name} is {value}", z3.Int(name) == value, "asked for") for name, value in knobs.items()]
    return replace(space, rules=(*space.rules, *rules))


def check(
    case: Case, target: Target, samples: int, compilers: CompilePool, folder: Path, knobs: dict[str, int]
) -> float:
    """The part of the drawn points that compiles. Prints failures with their reasons."""
    space = fixed(case.builder.build(case.problem, case.limits), knobs)
    pool = find_pool(space, samples=samples, rng=np.random.default_rng(0))
    rows = sample_uniform(pool, samples, np.random.default_rng(0))
    jobs = [
        CompileJob(
            case.program,
            case.identity,
            Candidate(row, configuration=case.builder.configuration(case.problem, pool.point(row))),
            target,
            folder / f"{row}.vmfb",
            folder / f"{row}.log",
        )
        for row in rows
    ]
    ends = compilers.compile(jobs)
    compiled = sum(end.fate is Fate.COMPILED for end in ends)
    seconds = [end.seconds for end in ends] or [0.0]
    print(
        f"{case.label}: {len(pool):,} {'solutions' if pool.is_exact else 'drawn'}, {compiled} of {len(ends)} compile,"
        f" median {np.median(seconds):.1f} s, slowest {max(seconds):.1f} s",
        flush=True,
    )
    reasons = Counter(f"{end.fate.value}: {end.detail[:140]}" for end in ends if not end.binary)
    for reason, count in reasons.most_common():
        print(f"    {count} x {reason}", flush=True)
    for row, end in zip(rows, ends, strict=True):
        if not end.binary:
            print(f"      {pool.point(row)}", flush=True)
    return compiled / max(len(ends), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    chips = ("gfx942", "gfx950", "gfx1100", "gfx1201", "sm_80", "sm_90")
    parser.add_argument("--chip", action="append", choices=chips)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--spaces", choices=("own", "emitted", "both"), default="both")
    parser.add_argument("--only", default="", help="a regular expression that problems' names must match")
    parser.add_argument("--narrow", action="store_true", help="of the compiler's space nothing is opened")
    parser.add_argument("--fix", action="append", default=[], metavar="KNOB=VALUE", help="of each space that has it")
    arguments = parser.parse_args()
    knobs = {name: int(value) for name, value in (fix.split("=") for fix in arguments.fix)}
    valid: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as work, CompilePool(arguments.workers, TIMEOUT_S) as compilers:
        for chip in arguments.chip or ("gfx942", "sm_80"):
            target: Target = RocmTarget(chip) if chip.startswith("gfx") else choose(chip, 1)
            folder = Path(work) / chip
            cases: list[Iterator[Case]] = []
            if arguments.spaces != "emitted":
                cases.append(own(target, arguments.only, folder))
            if arguments.spaces != "own":
                cases.append(emitted_by_the_compiler(target, arguments.only, folder, narrow=arguments.narrow))
            for index, case in enumerate(chain(*cases)):
                case = replace(case, label=f"{chip} {case.label}")
                valid[case.label] = check(case, target, arguments.samples, compilers, folder / f"case-{index}", knobs)
    print(json.dumps({"spaces": len(valid), "min_valid": min(valid.values(), default=None), "valid": valid}))


if __name__ == "__main__":
    main()

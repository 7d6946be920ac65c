# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models on one thread of the host CPU: from the model file to flags and specs, against IREE's defaults.

    pip install '.[onnx]' -r benchmarks/requirements-models.txt
    python benchmarks/models.py [--budget 15m] [--only NAME]... [--write docs/models.md]
    python benchmarks/models.py --model FILE.onnx [--dim NAME=SIZE]... [--input SHAPE]...

Each model is tuned as `iree-tune run MODEL --budget …` does. Then IREE's default, IREE with data tiling, the tuned
model and ONNX Runtime are timed in interleaved rounds on the same inputs. Outputs must agree with the default's. The
last line is one JSON object: `speedups` over the better of {default, data tiling} by name, `vs_onnxruntime` (its time
divided by ours, so that we are faster above 1), and whether all outputs agreed (`verified`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

import tuner
from model_zoo import ZOO, make
from onnx_runtime import OnnxRuntimeProgram
from tuner.dispatch import Arithmetic
from tuner.evaluate.budget import parse_duration_s
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.programs import ProgramSource
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.model.model import Model
from tuner.model.onnx import Shapes
from tuner.specs.certificate import circumstances
from tuner.speedup import Ratio, is_decided, speedup
from tuner.targets.cpu import CpuTarget
from tuner.terminal import ProgressView
from tuner.tuning.result import TuneResult

DEFAULT, DATA_TILING, TUNED, ONNX_RUNTIME = "default", "data tiling", "tuned", "ONNX Runtime"
_SEED = 6
# The arithmetic that decides what rounding does in the long sums of these models.
ARITHMETIC = Arithmetic(terms=4096, accumulator="f32", narrowest="f32")
_TIMEOUT_S = 120.0
_MIN_ROUNDS, _MAX_ROUNDS = 20, 60


@dataclass(frozen=True, slots=True)
class Row:
    """A model's times in ms, its speed-ups, the results of its dispatches, and what tuning it took."""

    name: str
    ms: dict[str, float]
    better: str
    speedup: Ratio
    onnx_runtime: Ratio
    verified: bool
    flags: tuple[str, ...]
    tuned: int
    late: int
    dispatches: int
    minutes: float


def tune(path: Path, shapes: Shapes, options: argparse.Namespace, folder: Path) -> TuneResult:
    """Tunes the model within the budget."""
    with ProgressView(Console()) as view:
        return tuner.tune(
            path,
            shapes=shapes,
            budget_s=parse_duration_s(options.budget),
            seed=options.seed,
            run_dir=folder / "run",
            output=folder / "spec.mlir",
            listen=view,
        )


def compare(name: str, path: Path, shapes: Shapes, result: TuneResult, folder: Path, minutes: float) -> Row:
    """Verifies and times the four programs side by side."""
    model = Model.open(path, CpuTarget().compile_flags).imported(shapes, folder)
    sources: dict[str, ProgramSource] = {}
    for key, flags in ((DEFAULT, ()), (DATA_TILING, ("--iree-opt-data-tiling",))):
        binary = folder / f"{key.replace(' ', '-')}.vmfb"
        model.compile_or_reject(binary, *flags)
        sources[key] = FunctionProgram(binary, result.function)
    sources[TUNED] = FunctionProgram(result.binary, result.function)
    sources[ONNX_RUNTIME] = OnnxRuntimeProgram(path, shapes)
    with Runner(CpuTarget().device) as runner:
        runs, verified = {}, {}
        for key, source in sources.items():
            runner.load(key, source)
            if key == DEFAULT:
                runner.reference(key, _SEED, timeout_s=_TIMEOUT_S)
                tolerances = runner.tolerances(key, _SEED, ARITHMETIC, timeout_s=_TIMEOUT_S)
            verification, _ = runner.check(key, _SEED, tolerances, timeout_s=_TIMEOUT_S)
            verified[key] = verification.passed
            if not verification.passed:
                print(f"{name}: {key} computes something else: {verification.detail}", flush=True)
            runs[key] = calibrate(runner, key, timeout_s=_TIMEOUT_S)
        samples = interleaved(
            list(sources),
            lambda key: runner.time(key, runs[key], timeout_s=_TIMEOUT_S),
            np.random.default_rng(0),
            lambda taken: (
                len(taken[TUNED]) >= _MAX_ROUNDS
                or (
                    len(taken[TUNED]) >= _MIN_ROUNDS
                    and all(is_decided(speedup(taken[key], taken[TUNED]), 0.0) for key in (DEFAULT, DATA_TILING))
                )
            ),
            before_round=renewing(runner),
        )
    better = min((DEFAULT, DATA_TILING), key=lambda key: speedup(samples[key], samples[TUNED]).value)
    winners = [each for each in result.dispatches if each.winner is not None]
    return Row(
        name=name,
        ms={key: statistics.median(taken) * 1e3 for key, taken in samples.items()},
        better=better,
        speedup=speedup(samples[better], samples[TUNED]),
        onnx_runtime=speedup(samples[ONNX_RUNTIME], samples[TUNED]),
        verified=all(verified.values()),
        flags=result.flags,
        tuned=len(winners),
        late=sum(each.late for each in winners),
        dispatches=len(result.dispatches),
        minutes=minutes,
    )


def table(rows: list[Row], budget: str) -> str:
    """The rows as a Markdown table."""
    where = circumstances("cpu", "", (), "local-sync", 1, ())
    lines = [
        f"Budget {budget} for each model; IREE {where.compiler_version}, one thread; medians in ms, speed-ups with 95 %"
        " intervals from interleaved rounds.",
        "",
        "| model | default | data tiling | tuned | ONNX Runtime | over the better default | over ONNX Runtime |"
        " entries (late) of dispatches | verified |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times = " | ".join(f"{row.ms[key]:.3g}" for key in (DEFAULT, DATA_TILING, TUNED, ONNX_RUNTIME))
        lines.append(
            f"| {row.name} | {times} | {row.speedup} ({row.better}) | {row.onnx_runtime} |"
            f" {row.tuned} ({row.late}) of {row.dispatches} | {'yes' if row.verified else 'no'} |"
        )
    lines += ["", *(f"- {row.name}: `{' '.join(row.flags) or 'no flags'}`" for row in rows)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="15m", help="time for each model")
    parser.add_argument("--only", action="append", choices=sorted(ZOO), help="a model of the zoo (repeatable)")
    parser.add_argument("--zoo", type=Path, help="folder of the zoo's files, made where they are missing")
    parser.add_argument("--model", type=Path, help="another ONNX file instead of the zoo")
    parser.add_argument("--dim", action="append", default=[], metavar="NAME=SIZE")
    parser.add_argument("--input", action="append", default=[], metavar="SHAPE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="file that the table goes to")
    parser.add_argument("--keep", type=Path, help="folder that the runs go to")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="iree-tuner-models-") as temporary:
        zoo = options.zoo or Path(temporary) / "zoo"
        zoo.mkdir(parents=True, exist_ok=True)
        if options.model is not None:
            models = {options.model.stem: (options.model, Shapes.parse(options.dim, options.input))}
        else:
            models = {name: (zoo / f"{name}.onnx", ZOO[name].shapes) for name in options.only or ZOO}
        for name, (path, shapes) in models.items():
            if not path.exists():
                make(name, zoo)
            folder = (options.keep or Path(temporary)) / name
            folder.mkdir(parents=True)
            started = time.perf_counter()
            result = tune(path, shapes, options, folder)
            minutes = (time.perf_counter() - started) / 60
            rows.append(compare(name, path, shapes, result, folder, minutes))
            print(f"{rows[-1]}", flush=True)
    text = table(rows, options.budget)
    print(text)
    if options.write is not None:
        options.write.write_text(text)
    summary = {
        "speedups": {row.name: round(row.speedup.value, 3) for row in rows},
        "vs_onnxruntime": {row.name: round(row.onnx_runtime.value, 3) for row in rows},
        "verified": all(row.verified for row in rows),
    }
    print(json.dumps(summary))
    if not summary["verified"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

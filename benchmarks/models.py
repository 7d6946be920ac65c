# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models on the host CPU: from the model file to flags and specs, against ONNX Runtime and IREE's defaults.

    pip install '.[onnx]' -r benchmarks/requirements-models.txt
    python benchmarks/models.py [--budget 15m] [--threads N]... [--only NAME]... [--json FILE] [--write docs/models.md]
    python benchmarks/models.py --model FILE [--dim NAME=SIZE]... [--input SHAPE]...
    python benchmarks/models.py --join JSON... [--json FILE] [--write docs/models.md]

Each model is tuned as `iree-tune run MODEL --budget …` does, for each number of threads. Then five programs are timed
in interleaved rounds on the same inputs: the untuned model, the same with the allocator that the run chose, the best
single choice of flags that the run tried, the tuned model, and ONNX Runtime (for an ONNX file, if it is installed).
Outputs must agree with the untuned model's; the table names programs whose outputs do not. `--write` replaces the table
between two marks of a page, and leaves the rest of it. `--json` gets every sample, the flags, and the best time so far
against the minutes spent. Models that were measured one by one are put into one table by `--join`.

No network is needed with `--model`, or if the files of the zoo are there (`--zoo`). The last line is one JSON object:
`speedups` over the untuned model with the same allocator, `over_single_flag`, `vs_onnxruntime` (its time divided by
ours, so that we are faster above 1), and whether the outputs of all of IREE's programs agreed (`verified`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

import tuner
from model_rows import ONNX_RUNTIME, SAME_ALLOCATOR, SINGLE, TUNED, UNTUNED, Course, Row, replace_table, table
from model_zoo import ZOO, make
from onnx_runtime import OnnxRuntimeProgram
from tuner.dispatch import Arithmetic
from tuner.evaluate.budget import parse_duration_s
from tuner.events import both
from tuner.jsonable import from_plain
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.programs import ProgramSource
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.model.model import Model
from tuner.model.shapes import Shapes
from tuner.model_flags.cpu import FLAGS
from tuner.report.recorded_run import read_run
from tuner.speedup import is_decided, speedup
from tuner.targets.cpu import CpuTarget
from tuner.targets.host import processor_name
from tuner.terminal.progress import ProgressView
from tuner.toolchain.tools import compiler_version
from tuner.tuning.result import TuneResult

_SEED = 6
# The arithmetic that decides what rounding does in the long sums of these models.
ARITHMETIC = Arithmetic(terms=4096, accumulator="f32", narrowest="f32")
_TIMEOUT_S, _COMPILE_TIMEOUT_S = 120.0, 600.0
_MIN_ROUNDS, _MAX_ROUNDS = 20, 60
# Seconds between samples on several threads: ONNX Runtime's wait for work at full speed before they sleep.
_PAUSE_S = 0.05


def tune(path: Path, shapes: Shapes, threads: int, options: argparse.Namespace, folder: Path) -> tuple[TuneResult, Row]:
    """Tunes the model within the budget. The row lacks what the programs take side by side."""
    course = Course()
    with ProgressView(Console()) as view:
        result = tuner.tune(
            path,
            shapes=shapes,
            threads=threads,
            budget_s=parse_duration_s(options.budget, "--budget"),
            seed=options.seed,
            run_dir=folder / "run",
            output=folder / "spec.mlir",
            listen=both(view, course),
        )
    minutes = (time.monotonic() - course.started_s) / 60
    winners = [dispatch for dispatch in result.dispatches if dispatch.winner is not None]
    row = Row(
        name=path.stem,
        threads=threads,
        samples_s={},
        over={},
        wrong={},
        allocator=result.allocator.allocator,
        allocator_ratio=result.allocator.ratio,
        flags=result.flags,
        ops=result.ops,
        single=best_single(result.run_dir),
        entries=len(winners),
        late=sum(dispatch.late for dispatch in winners),
        late_gain=result.late_gain,
        dispatches=len(result.dispatches),
        minutes=round(minutes, 2),
        curve=course.curve(result, minutes),
        command=result.compile_command,
        command_shown=result.command_shown,
    )
    return result, row


def best_single(run_dir: Path) -> tuple[str, ...]:
    """The flags of the fastest single choice that a run tried; none if it tried none."""
    tried = [
        choice for choice in read_run(run_dir).flags_tried if len(choice.values) == 1 and choice.time_s is not None
    ]
    if not tried:
        return ()
    return FLAGS.flags(min(tried, key=lambda choice: choice.time_s or 0.0).values)


def programs(path: Path, shapes: Shapes, result: TuneResult, row: Row, folder: Path) -> dict[str, ProgramSource]:
    """The programs to compare, by their names in a row, the untuned model first."""
    model = Model.open(path, CpuTarget(row.threads).compile_flags).imported(shapes, folder)
    model.compile_or_reject(folder / "untuned.vmfb")
    untuned = FunctionProgram(folder / "untuned.vmfb", result.function)
    chosen = replace(untuned, allocator=result.allocator.allocator)
    sources: dict[str, ProgramSource] = {UNTUNED: untuned, SAME_ALLOCATOR: chosen}
    if row.single:
        binary = folder / "single.vmfb"
        done = model.compile(binary, *row.single, timeout_s=_COMPILE_TIMEOUT_S)
        if done.exit_code == 0:
            sources[SINGLE] = replace(chosen, binary=binary)
        else:
            # A run adds flags to choices that the compiler refuses by themselves.
            print(f"{row.name}: it does not compile with {' '.join(row.single)} alone: {done.first_error}", flush=True)
    sources[TUNED] = replace(chosen, binary=result.binary)
    if path.suffix == ".onnx" and importlib.util.find_spec("onnxruntime"):
        sources[ONNX_RUNTIME] = OnnxRuntimeProgram(path, shapes, row.threads)
    return sources


def compare(sources: dict[str, ProgramSource], row: Row) -> Row:
    """Verifies and times the programs side by side."""
    device = CpuTarget(row.threads).device
    with Runner(device) as runner:
        runs: dict[str, int] = {}
        wrong: dict[str, str] = {}
        for name, source in sources.items():
            runner.load(name, source)
            if name == UNTUNED:
                runner.reference(name, _SEED, timeout_s=_TIMEOUT_S)
                tolerances = runner.tolerances(name, _SEED, ARITHMETIC, timeout_s=_TIMEOUT_S)
            verification, _ = runner.check(name, _SEED, tolerances, timeout_s=_TIMEOUT_S)
            if not verification.passed:
                wrong[name] = verification.detail
            runs[name] = calibrate(runner, name, timeout_s=_TIMEOUT_S)

        def one(name: str) -> float:
            if row.threads > 1:
                time.sleep(_PAUSE_S)
            return runner.time(name, runs[name], timeout_s=_TIMEOUT_S)

        samples = interleaved(
            list(sources),
            one,
            np.random.default_rng(0),
            lambda taken: (
                len(taken[TUNED]) >= _MAX_ROUNDS
                or (
                    len(taken[TUNED]) >= _MIN_ROUNDS
                    and all(is_decided(speedup(taken[name], taken[TUNED]), 0.0) for name in sources if name != TUNED)
                )
            ),
            before_round=renewing(runner),
        )
    over = {name: speedup(taken, samples[TUNED]) for name, taken in samples.items() if name != TUNED}
    return replace(row, samples_s={name: tuple(taken) for name, taken in samples.items()}, over=over, wrong=wrong)


def summary(rows: list[Row]) -> dict[str, object]:
    """The last line."""

    def over(program: str) -> dict[str, float]:
        found = {f"{row.name} x{row.threads}" if row.threads > 1 else row.name: row.over.get(program) for row in rows}
        return {name: round(ratio.value, 3) for name, ratio in found.items() if ratio is not None}

    return {
        "speedups": over(SAME_ALLOCATOR),
        "over_single_flag": over(SINGLE),
        "vs_onnxruntime": over(ONNX_RUNTIME),
        "verified": all(row.verified for row in rows),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="15m", help="time for each model")
    parser.add_argument(
        "--threads", type=int, action="append", help="threads that run a model (repeatable; default: 1)"
    )
    parser.add_argument("--only", action="append", choices=sorted(ZOO), help="a model of the zoo (repeatable)")
    parser.add_argument("--zoo", type=Path, help="folder of the zoo's files, made if they are missing")
    parser.add_argument("--model", type=Path, help="another model file instead of the zoo")
    parser.add_argument("--dim", action="append", default=[], metavar="NAME=SIZE")
    parser.add_argument("--input", action="append", default=[], metavar="SHAPE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    parser.add_argument("--json", type=Path, help="file for the raw results, written after each model")
    parser.add_argument("--keep", type=Path, help="folder that the runs go to")
    parser.add_argument(
        "--join", type=Path, nargs="+", metavar="JSON", help="tune nothing, make the table of these raw results"
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    heading = (
        f"{processor_name()}, IREE {compiler_version()}, budget {options.budget} for each model. Medians in ms and"
        " speed-ups with 95 % intervals from interleaved rounds; all of IREE's but the first column run with the"
        " allocator that the run chose."
    )
    rows: list[Row] = []
    if options.join is not None:
        raw = [json.loads(path.read_text()) for path in options.join]
        heading = "\n\n".join(dict.fromkeys(part["heading"] for part in raw))
        finish([from_plain(Row, row) for part in raw for row in part["rows"]], heading, options)
        return
    with tempfile.TemporaryDirectory(prefix="iree-tuner-models-") as temporary:
        zoo = options.zoo or Path(temporary) / "zoo"
        if options.model is not None:
            models = {options.model: Shapes.parse(options.dim, options.input)}
        else:
            models = {make(name, zoo): ZOO[name].shapes for name in options.only or ZOO}
        for path, shapes in models.items():
            for threads in options.threads or [1]:
                folder = (options.keep or Path(temporary)) / f"{path.stem}-{threads}"
                folder.mkdir(parents=True)
                result, row = tune(path, shapes, threads, options, folder)
                rows.append(compare(programs(path, shapes, result, row, folder), row))
                print(table(rows[-1:], heading), flush=True)
                write_raw(rows, heading, options.json)
    finish(rows, heading, options)


def write_raw(rows: list[Row], heading: str, path: Path | None) -> None:
    """Writes what `--join` reads."""
    if path is not None:
        path.write_text(json.dumps({"heading": heading, "rows": [row.to_json() for row in rows]}, indent=1) + "\n")


def finish(rows: list[Row], heading: str, options: argparse.Namespace) -> None:
    """Prints the table and the last line, and writes them where the options say."""
    write_raw(rows, heading, options.json)
    text = table(rows, heading)
    print(text)
    if options.write is not None:
        replace_table(options.write, text)
    found = summary(rows)
    print(json.dumps(found))
    if not found["verified"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

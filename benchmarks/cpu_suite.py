# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes operations that models run, on one thread of this CPU, and compares them with IREE's two defaults and BLAS.

    python benchmarks/cpu_suite.py [--trials 100] [--only NAME]... [--seed 0] [--write] [--flags] [--budget DURATION]

`tuner.tune` tunes each operation as a model of its own: its dispatches, and with `--flags` the flags and the allocator
too, as `iree-tune run` does; then all of IREE's programs are timed with that allocator. Four programs are compared in
interleaved rounds: the model by default, with data tiling (`--iree-opt-data-tiling`), tuned, and the operation by
numpy's OpenBLAS on one thread (convolutions are first gathered by im2col, which is timed too). All outputs are compared
with the default's. `speedup` is the ratio of the better default's time to the tuned one's, with its 95 % interval. Raw
results go to benchmarks/results/cpu_suite.json; `--write` puts the table into docs/benchmarks.md. The last line is one
JSON object: the geometric mean and the least of the speed-ups, whether all outputs agreed, and the number of cases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tuner
from cpu_cases import CASES, Case
from tuner.dispatch import Arithmetic
from tuner.evaluate.budget import parse_duration_s
from tuner.measuring import FunctionProgram, ProgramSource, Runner
from tuner.measuring.dispatch_data import random_array
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.model.model import Model
from tuner.speedup import Ratio, is_decided, speedup
from tuner.targets.cpu import CpuTarget
from tuner.tuning.result import TuneResult

ROOT = Path(__file__).parent.parent
DEFAULT, DATA_TILING, TUNED, BLAS = "default", "data tiling", "tuned", "OpenBLAS"
BEGIN, END = "<!-- cpu_suite: begin -->", "<!-- cpu_suite: end -->"
_TIMEOUT_S = 120.0
_MIN_ROUNDS, _MAX_ROUNDS, _BUDGET_S = 20, 60, 30.0
_SEED = 5
# The arithmetic that decides what rounding does in the long sums of these operations.
ARITHMETIC = Arithmetic(terms=4096, accumulator="f32", narrowest="f32")


@dataclass(frozen=True, slots=True)
class BlasProgram:
    """A case as numpy computes it, on the data that the runner gives to IREE's functions."""

    case: str

    def load(self, device_uri: str) -> LoadedBlas:
        del device_uri
        return LoadedBlas(CASES[self.case])


class LoadedBlas:
    """A case in memory, with the runner's inputs."""

    def __init__(self, case: Case) -> None:
        assert case.blas is not None
        self._case, self._compute = case, case.blas
        self._operands: list[Any] = []
        self._result: Any = None

    def fill(self, seed: int) -> None:
        self._operands = [
            random_array(shape, np.float32, np.random.default_rng([seed, index]))
            for index, shape in enumerate(self._case.shapes)
        ]

    def run(self, times: int) -> None:
        for _ in range(times):
            self._result = self._compute(*self._operands)

    def outputs(self) -> list[Any]:
        return [np.ascontiguousarray(self._result)]


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one case.

    `tuned` says whether a candidate is in the spec, `flags` what was chosen for the whole model, and `candidates` how
    many were tried, of all dispatches. IREE's programs ran with `allocator`. `ms` are the medians of the programs.
    `better` is the better default, `speedup` the ratio of its time to the tuned program's; `blas` is that of OpenBLAS.
    `seconds` is what the case took.
    """

    name: str
    tuned: bool
    flags: tuple[str, ...]
    allocator: str
    candidates: int
    ms: dict[str, float]
    better: str
    speedup: Ratio
    blas: Ratio | None
    verified: bool
    seconds: float


def tune(case: Case, options: argparse.Namespace, folder: Path) -> tuple[Model, TuneResult]:
    """Tunes the case as a model."""
    path = folder / "model.mlir"
    path.write_text(case.mlir)
    budget_s = None if options.budget is None else parse_duration_s(options.budget, "--budget")
    chosen = {"trials": options.trials, "budget_s": budget_s, "seed": options.seed}
    result = tuner.tune(path, keep_flags=not options.flags, run_dir=folder / "run", **chosen)
    return Model.open(path, CpuTarget().compile_flags), result


def compare(case: Case, model: Model, result: TuneResult, folder: Path, started: float) -> Row:
    """Verifies and times all programs of a case side by side."""
    allocator = result.allocator.allocator
    sources: dict[str, ProgramSource] = {}
    for name, flags in ((DEFAULT, ()), (DATA_TILING, ("--iree-opt-data-tiling",))):
        binary = folder / f"{name.replace(' ', '-')}.vmfb"
        model.compile_or_reject(binary, *flags)
        sources[name] = FunctionProgram(binary, case.function, allocator)
    sources[TUNED] = FunctionProgram(result.binary, case.function, allocator)
    if case.blas is not None:
        sources[BLAS] = BlasProgram(case.name)
    with Runner(CpuTarget().device) as runner:
        runs, verified = {}, {}
        for name, source in sources.items():
            runner.load(name, source)
            if name == DEFAULT:
                runner.reference(name, _SEED, timeout_s=_TIMEOUT_S)
                tolerances = runner.tolerances(name, _SEED, ARITHMETIC, timeout_s=_TIMEOUT_S)
            verification, _ = runner.check(name, _SEED, tolerances, timeout_s=_TIMEOUT_S)
            verified[name] = verification.passed
            runs[name] = calibrate(runner, name, timeout_s=_TIMEOUT_S)
        samples = measure(runner, runs)
    medians = {name: statistics.median(taken) for name, taken in samples.items()}
    better = min((DEFAULT, DATA_TILING), key=lambda name: speedup(samples[name], samples[TUNED]).value)
    return Row(
        name=case.name,
        tuned=any(each.winner for each in result.dispatches),
        flags=result.flags,
        allocator=allocator,
        candidates=sum(each.tried for each in result.dispatches),
        ms={name: seconds * 1e3 for name, seconds in medians.items()},
        better=better,
        speedup=speedup(samples[better], samples[TUNED]),
        blas=speedup(samples[BLAS], samples[TUNED]) if BLAS in samples else None,
        verified=all(verified.values()),
        seconds=time.monotonic() - started,
    )


def measure(runner: Runner, runs: dict[str, int]) -> dict[str, list[float]]:
    """Interleaved rounds, until both defaults differ significantly from the tuned program or the budget is spent."""
    started = time.monotonic()

    def enough(so_far: Any) -> bool:
        rounds = len(so_far[TUNED])
        if rounds < _MIN_ROUNDS:
            return False
        spent = rounds >= _MAX_ROUNDS or time.monotonic() - started > _BUDGET_S
        return spent or all(is_decided(speedup(so_far[each], so_far[TUNED]), 0.0) for each in (DEFAULT, DATA_TILING))

    def sample(name: str) -> float:
        return runner.time(name, runs[name], timeout_s=_TIMEOUT_S)

    return interleaved(list(runs), sample, np.random.default_rng(_SEED), enough, renewing(runner))


def table(rows: list[Row], options: argparse.Namespace) -> list[str]:
    """The rows as a Markdown table, with an explanation."""
    lines = [
        f"One thread of {processor()}, f32, {options.trials} candidates a dispatch"
        f"{', with flags and allocator' if options.flags else ''}; times in ms, medians of",
        "interleaved rounds. Speed-up: over the better of IREE's default and its data tiling. Convolutions by",
        "OpenBLAS: im2col and GEMM, row sums a product with ones.",
        "",
        "| dispatch | default | data tiling | tuned | speed-up [95 %] | verified | OpenBLAS | OpenBLAS / tuned |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times = " | ".join(f"{row.ms[name]:.3g}" for name in (DEFAULT, DATA_TILING, TUNED))
        blas = f"{row.ms[BLAS]:.3g} | {row.blas.value:.2f}" if row.blas else "- | -"
        verified = "yes" if row.verified else "no"
        lines.append(f"| {row.name} | {times} | {row.speedup} | {verified} | {blas} |")
    lines += ["", f"Geometric mean of the speed-ups: {geomean(rows):.2f}; the least: {least(rows):.2f}."]
    return lines


def processor() -> str:
    """The processor's name in /proc/cpuinfo."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return "this machine"


def geomean(rows: list[Row]) -> float:
    """The geometric mean of the speed-ups."""
    return statistics.geometric_mean(row.speedup.value for row in rows)


def least(rows: list[Row]) -> float:
    """The least speed-up."""
    return min(row.speedup.value for row in rows)


def write_table(lines: list[str]) -> None:
    """Puts the table between its markers in docs/benchmarks.md."""
    page = ROOT / "docs" / "benchmarks.md"
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page} has no place for the table between {BEGIN} and {END}")
    page.write_text("\n".join([before + begin, *lines, end + after]))


def as_json(row: Row) -> dict[str, Any]:
    """A row as plain JSON."""
    ratios = {"speedup": row.speedup, "blas": row.blas}
    return {
        "kernel": row.name,
        "tuned": row.tuned,
        "flags": list(row.flags),
        "allocator": row.allocator,
        "candidates": row.candidates,
        "ms": row.ms,
        "better_default": row.better,
        **{
            name: None if ratio is None else {"value": ratio.value, "low": ratio.low, "high": ratio.high}
            for name, ratio in ratios.items()
        },
        "verified": row.verified,
        "seconds": round(row.seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of: {'; '.join(CASES)} (repeatable)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--flags", action="store_true", help="choose the flags and the allocator too")
    parser.add_argument("--budget", metavar="DURATION", help="time for each operation, such as 2m (no limit)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "cpu_suite.json")
    options = parser.parse_args()
    unknown = [name for name in options.only or [] if name not in CASES]
    if unknown:
        parser.error(f"no kernel named '{unknown[0]}'; choose among: {'; '.join(CASES)}")
    # OpenBLAS reads these in the process that measures.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    rows: list[Row] = []
    for name in options.only or CASES:
        case, started = CASES[name], time.monotonic()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            row = compare(case, *tune(case, options, folder), folder, started)
        rows.append(row)
        blas = "" if row.blas is None else f", OpenBLAS / tuned {row.blas.value:.2f}"
        verdict = "" if row.tuned else " (the default stays)"
        print(f"{name}: {row.speedup} over {row.better}{verdict}{blas}, {row.seconds:.0f} s", flush=True)
    lines = table(rows, options)
    print("\n".join(lines))
    if options.write:
        write_table(lines)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    raw = {
        "processor": processor(),
        "trials": options.trials,
        "seed": options.seed,
        "flags": options.flags,
        "budget": options.budget,
        "rows": [*map(as_json, rows)],
    }
    options.output.write_text(json.dumps(raw, indent=1) + "\n")
    verified = all(row.verified for row in rows)
    summary = {"geomean": round(geomean(rows), 4), "min": round(least(rows), 4)}
    print(json.dumps({**summary, "verified": verified, "shapes": len(rows)}))


if __name__ == "__main__":
    main()

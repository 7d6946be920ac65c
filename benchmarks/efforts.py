# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `--effort quick` finds of what `full` does, on the operations of `cpu_suite.py`, on one thread of this CPU.

    python benchmarks/efforts.py [--only NAME]... [--output benchmarks/results/efforts.json]

Each operation is tuned three ways, each in a run of its own: by `quick` and by `full` without the records of the
operation among those that ship, and by `quick` with them. Then the default and what was found face one another in
interleaved rounds, and all outputs are compared with the default's. The last line is one JSON object: the geometric
mean of each way's speed-ups over the default, of quick over full, and the seconds that each way took.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import tuner
from cpu_cases import CASES, Case
from cpu_suite import ARITHMETIC, processor
from tuner.knowledge.records import shipped_records, write_records
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.model.model import Model
from tuner.options import Effort
from tuner.speedup import speedup
from tuner.targets.cpu import CpuTarget

DEFAULT, QUICK, OWN, FULL = "default", "quick", "quick, own records", "full"
_TIMEOUT_S, _ROUNDS, _SEED = 120.0, 20, 5


def tuned(case: Case, folder: Path) -> tuple[Path, dict[str, Path], dict[str, float]]:
    """The model's file, the tuned binary of each way, and the seconds that each took."""
    path = folder / "model.mlir"
    path.write_text(case.mlir)
    others = folder / "others.jsonl"
    write_records(others, [record for record in shipped_records() if record.name != case.name])
    binaries, seconds = {}, {}
    ways: list[tuple[str, Effort, list[Path] | None]] = [
        (QUICK, "quick", [others]),
        (OWN, "quick", None),
        (FULL, "full", [others]),
    ]
    for number, (way, effort, records) in enumerate(ways):
        started = time.monotonic()
        run = folder / f"run{number}"
        result = tuner.tune(path, effort=effort, records=records, keep_flags=True, run_dir=run)
        binaries[way], seconds[way] = result.binary, time.monotonic() - started
    return path, binaries, seconds


def compared(case: Case, path: Path, binaries: dict[str, Path], folder: Path) -> tuple[dict[str, list[float]], bool]:
    """Samples of a run of each program, and whether all outputs agree with the default's."""
    default = folder / "default.vmfb"
    Model.open(path, CpuTarget().compile_flags).compile_or_reject(default)
    with Runner(CpuTarget().device) as runner:
        runs, verified = {}, True
        for name, binary in ((DEFAULT, default), *binaries.items()):
            runner.load(name, FunctionProgram(binary, case.function))
            if name == DEFAULT:
                runner.reference(name, _SEED, timeout_s=_TIMEOUT_S)
                tolerances = runner.tolerances(name, _SEED, ARITHMETIC, timeout_s=_TIMEOUT_S)
            verification, _ = runner.check(name, _SEED, tolerances, timeout_s=_TIMEOUT_S)
            verified &= verification.passed
            runs[name] = calibrate(runner, name, timeout_s=_TIMEOUT_S)

        def sample(name: str) -> float:
            return runner.time(name, runs[name], timeout_s=_TIMEOUT_S)

        def enough(so_far: Any) -> bool:
            return len(so_far[DEFAULT]) >= _ROUNDS

        samples = interleaved(list(runs), sample, np.random.default_rng(_SEED), enough, renewing(runner))
    return samples, verified


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of: {'; '.join(CASES)} (repeatable)")
    parser.add_argument("--output", type=Path, help="where the raw results go")
    options = parser.parse_args()
    rows = []
    for name in options.only or CASES:
        with tempfile.TemporaryDirectory() as temporary:
            path, binaries, seconds = tuned(CASES[name], Path(temporary))
            samples, verified = compared(CASES[name], path, binaries, Path(temporary))
        gains = {way: speedup(samples[DEFAULT], samples[way]).value for way in binaries}
        of_full = {way: speedup(samples[FULL], samples[way]).value for way in (QUICK, OWN)}
        rows.append({"name": name, "speedup": gains, "of_full": of_full, "seconds": seconds, "verified": verified})
        shown = ", ".join(f"{way} {gain:.2f}x in {seconds[way]:.0f} s" for way, gain in gains.items())
        print(f"{name}: {shown}; quick of full {of_full[QUICK]:.3f}, verified: {verified}", flush=True)
        if options.output:
            options.output.write_text(json.dumps({"processor": processor(), "rows": rows}, indent=1) + "\n")
    print(json.dumps(summary(rows)))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The last line."""

    def mean(key: str, way: str) -> float:
        return round(statistics.geometric_mean(row[key][way] for row in rows), 4)

    return {
        "speedup": {way: mean("speedup", way) for way in (QUICK, OWN, FULL)},
        "of_full": {way: mean("of_full", way) for way in (QUICK, OWN)},
        "seconds": {way: round(sum(row["seconds"][way] for row in rows), 1) for way in (QUICK, OWN, FULL)},
        "verified": all(row["verified"] for row in rows),
        "shapes": len(rows),
    }


if __name__ == "__main__":
    main()

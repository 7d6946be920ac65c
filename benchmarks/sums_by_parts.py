# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What sums by parts (`cache_reduction`) give data-tiled products on one thread of this CPU, over searches without.

    python benchmarks/sums_by_parts.py [--trials 40] [--only NAME]... [--output FILE.jsonl]

Each product of the CPU suite that has a sum of 1024 or more is tuned four times with data tiling and the caching
allocator: with the compiler's tiles and with inner tiles, without parts (`--fix cache_reduction[k]=0`) and with all
values. The binaries of a pair are timed in interleaved rounds, beside numpy's OpenBLAS. One JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

import tuner
from cpu_cases import CASES, Case
from cpu_suite import ARITHMETIC, BLAS, BlasProgram
from tuner.measuring import FunctionProgram, ProgramSource, Runner
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.speedup import Ratio, speedup
from tuner.targets.cpu import CpuTarget

NAMES = tuple(
    f"gemm {size}" for size in ("384x3072x1024", "384x1024x4096", "128x1280x2048", "512x1024x4096", "35x8457x2560")
)
WHOLE, PARTS = "whole sums", "sums by parts"
_ALLOCATOR: Final = "caching"
_TIMEOUT_S, _ROUNDS, _SEED = 60.0, 30, 5


def tuned(case: Case, inner: bool, parts: bool, trials: int, folder: Path) -> Path:
    """The binary of the tuned product."""
    folder.mkdir()
    (folder / "model.mlir").write_text(case.mlir)
    knob = "cache_reduction[k]" if inner else "cache_reduction[k0]"
    result = tuner.tune(
        folder / "model.mlir",
        keep_flags=True,
        flags=["--iree-opt-data-tiling", *(["--iree-llvmcpu-enable-inner-tiled"] if inner else [])],
        allocator=_ALLOCATOR,
        dispatches=[f"{case.function}_dispatch_0_matmul_{case.name.split()[1]}_f32"],
        fixes={} if parts else {knob: 0},
        trials=trials,
        run_dir=folder / "run",
    )
    return result.binary


def compared(case: Case, whole: Path, parts: Path) -> dict[str, list[float]]:
    """Seconds of runs of both binaries and of OpenBLAS, in interleaved rounds."""
    with Runner(CpuTarget().device) as runner:
        sources: dict[str, ProgramSource] = {
            **{
                name: FunctionProgram(binary, case.function, _ALLOCATOR)
                for name, binary in ((WHOLE, whole), (PARTS, parts))
            },
            BLAS: BlasProgram(case.name),
        }
        runs = {}
        for name, source in sources.items():
            runner.load(name, source)
            if name == WHOLE:
                runner.reference(name, _SEED, timeout_s=_TIMEOUT_S)
                tolerances = runner.tolerances(name, _SEED, ARITHMETIC, timeout_s=_TIMEOUT_S)
            verification, _ = runner.check(name, _SEED, tolerances, timeout_s=_TIMEOUT_S)
            if not verification.passed:
                sys.exit(f"{case.name}: {name} computes something else")
            runs[name] = calibrate(runner, name, timeout_s=_TIMEOUT_S)

        def sample(name: str) -> float:
            return runner.time(name, runs[name], timeout_s=_TIMEOUT_S)

        return interleaved(
            list(runs),
            sample,
            np.random.default_rng(_SEED),
            lambda so_far: len(so_far[WHOLE]) >= _ROUNDS,
            renewing(runner),
        )


def as_json(ratio: Ratio) -> list[float]:
    """A ratio and its interval."""
    return [round(value, 3) for value in (ratio.value, ratio.low, ratio.high)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--only", action="append", choices=NAMES, default=[])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in options.only or NAMES:
        for inner in (False, True):
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                whole, parts = (
                    tuned(CASES[name], inner, parts, options.trials, folder / str(parts)) for parts in (False, True)
                )
                samples = compared(CASES[name], whole, parts)
            line = json.dumps(
                {
                    "product": name,
                    "inner_tiles": inner,
                    "candidates": options.trials,
                    "ms": {each: round(statistics.median(taken) * 1e3, 2) for each, taken in samples.items()},
                    "parts_over_whole": as_json(speedup(samples[WHOLE], samples[PARTS])),
                    "openblas_over_parts": as_json(speedup(samples[BLAS], samples[PARTS])),
                }
            )
            print(line, flush=True)
            if options.output is not None:
                with options.output.open("a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()

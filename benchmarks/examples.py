# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes each model in examples/ and prints the table of docs/benchmarks.md; the last line is one JSON object.

    python benchmarks/examples.py [--trials N] [--threads N] [--seed N] [MODEL...]

`speedup` is the time of the untuned model divided by that of the model with its spec, in interleaved rounds, with its
95 % interval. `numpy_ms` is the time of numpy's BLAS on as many threads, if the model is a plain product.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, default=sorted(EXAMPLES.glob("*.mlir")))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # BLAS reads these when numpy is imported, and `tuner` imports it.
    os.environ.update(OMP_NUM_THREADS=str(options.threads), OPENBLAS_NUM_THREADS=str(options.threads))
    import tuner

    table = []
    print(f"| model | default, ms | tuned, ms | speed-up [95 %] | verified | numpy, ms | threads: {options.threads} |")
    print("|---|---|---|---|---|---|---|")
    for path in options.models:
        result = tuner.tune(path, trials=options.trials, keep_flags=True, threads=options.threads, seed=options.seed)
        numpy_ms = time_numpy(path.read_text())
        row = {"model": path.stem, "speedup": 1.0, "low": 1.0, "verified": True, "numpy_ms": numpy_ms}
        default, tuned, interval = "", "the default is best", ""
        if result.model is not None:
            ratio = result.model.ratio
            row |= {"speedup": ratio.value, "low": ratio.low, "verified": result.model.verification.passed}
            default, tuned = f"{result.model.baseline_s * 1e3:.3g}", f"{result.model.tuned_s * 1e3:.3g}"
            interval = str(ratio)
        table.append(row)
        verified = "yes" if row["verified"] else "no"
        blas = "" if numpy_ms is None else f"{numpy_ms:.3g}"
        print(f"| {path.stem} | {default} | {tuned} | {interval} | {verified} | {blas} | |", flush=True)
    print(json.dumps({"examples": table, "threads": options.threads}))


def time_numpy(text: str) -> float | None:
    """Milliseconds of the model's product in numpy: the median CPU time, or wall time if there are several threads."""
    import numpy as np

    operands = re.search(r"linalg\.(?:batch_)?matmul\s+ins\([^:]*:\s*tensor<([\dx]+)xf32>, tensor<([\dx]+)xf32>", text)
    if operands is None:
        return None
    rng = np.random.default_rng(0)
    a, b = (rng.random([int(size) for size in shape.split("x")], dtype=np.float32) for shape in operands.groups())
    clock = time.process_time if os.environ["OMP_NUM_THREADS"] == "1" else time.perf_counter
    samples = []
    for _ in range(15):
        started = clock()
        np.matmul(a, b)
        samples.append((clock() - started) * 1e3)
    return statistics.median(samples[5:])


if __name__ == "__main__":
    main()

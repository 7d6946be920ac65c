# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long NVIDIA's libraries take for the suite's operations: seconds of one run in torch, as one JSON object.

Timed like our candidates: by the wall clock, as many launches in a row as take about 10 ms, then one wait.

    python benchmarks/gpu_library.py gemm_512x4096x4096 conv_1x64x64_640to640_3x3
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch

from gpu_cases import CASES

SAMPLES = 15
SAMPLE_S = 0.01


def main() -> None:
    torch.backends.cudnn.benchmark = True
    seconds = {}
    for case in CASES:
        if sys.argv[1:] and case.name not in sys.argv[1:]:
            continue
        run = case.library(torch)
        for _ in range(20):
            run()
        torch.cuda.synchronize()

        def time_of(runs: int, run: Callable[[], object] = run) -> float:
            started = time.perf_counter()
            for _ in range(runs):
                run()
            torch.cuda.synchronize()
            return (time.perf_counter() - started) / runs

        runs = max(1, round(SAMPLE_S / time_of(20)))
        seconds[case.name] = statistics.median(time_of(runs) for _ in range(SAMPLES))
    print(json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()

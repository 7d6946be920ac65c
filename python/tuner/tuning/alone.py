# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one dispatch alone, without comparing its outputs."""

from __future__ import annotations

import statistics
from pathlib import Path

from tuner.dispatch import BenchmarkProgram
from tuner.errors import MeasurementError
from tuner.evaluate.baseline import TIMED_SEED
from tuner.evaluate.programs import runnable
from tuner.measuring import Runner
from tuner.measuring.sampling import calibrate

_KEY = "alone"
_SAMPLES = 3
_TIMEOUT_S = 60.0


def time_alone(runner: Runner, program: BenchmarkProgram, binary: Path) -> float | None:
    """Seconds of one run of a compiled dispatch; None if it does not run. Raises DeviceLostError."""
    try:
        runner.load(_KEY, runnable(program, binary))
        runner.fill(_KEY, TIMED_SEED, timeout_s=_TIMEOUT_S)
        runs = calibrate(runner, _KEY, timeout_s=_TIMEOUT_S)
        found_s = statistics.median(runner.time(_KEY, runs, timeout_s=_TIMEOUT_S) for _ in range(_SAMPLES))
        runner.unload(_KEY)
    except MeasurementError:
        runner.check_device()
        return None
    return found_s

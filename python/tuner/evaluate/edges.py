# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much slower a program gets if nothing readable follows its operands in memory: timed between guard pages."""

from __future__ import annotations

import math

from tuner.measuring import Runner

# A program counts as slower if all pairs of samples, with and without guard pages, agree on at least this ratio.
_LEAST_SLOWDOWN, _PAIRS = 1.2, 3
# Seconds of one sample: enough runs to tell such a ratio from noise.
_SAMPLE_S = 0.003
# Seconds until a sample is given up. A program can be a hundred times slower between guard pages.
_TIMEOUT_S = 120.0


def edge_slowdown(runner: Runner, key: str, time_s: float) -> float:
    """How many times slower a loaded program is between guard pages; 1.0 if memory is not the host's.

    `time_s`: seconds of one run without them. Raises MeasurementError.
    """
    if not runner.device.in_host_memory:
        return 1.0
    runs = math.ceil(_SAMPLE_S / time_s)
    slowdown = runner.time_guarded(key, runs, timeout_s=_TIMEOUT_S) / time_s
    for _ in range(_PAIRS):
        if slowdown < _LEAST_SLOWDOWN:
            return 1.0
        # Other work on the machine slows both samples of a pair.
        beside_s = runner.time(key, runs, timeout_s=_TIMEOUT_S)
        guarded_s = runner.time_guarded(key, runs, timeout_s=_TIMEOUT_S)
        slowdown = min(slowdown, guarded_s / beside_s)
    return slowdown if slowdown >= _LEAST_SLOWDOWN else 1.0

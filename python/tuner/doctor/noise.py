# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much the times of a short program vary on this machine, right now."""

from __future__ import annotations

from pathlib import Path

from tuner.doctor.findings import Finding, warning, wrong
from tuner.doctor.product import FUNCTION, compile_product, verify_product
from tuner.errors import MeasurementError, ToolError
from tuner.measuring import Runner
from tuner.measuring.noise import is_noisy, spread
from tuner.measuring.sampling import calibrate
from tuner.targets.choosing import choose_target

_SAMPLES = 50
_TIMEOUT_S = 60.0


def check_noise(scratch: Path) -> Finding:
    """Takes fifty samples of about 10 ms on the device that a run uses by default, as the run would."""
    target = choose_target("cpu")
    try:
        with Runner(target.device, log=scratch / "noise.log") as runner:
            verify_product(runner, compile_product(target.compile_flags, scratch))
            runs = calibrate(runner, FUNCTION, timeout_s=_TIMEOUT_S)
            samples_s = [runner.time(FUNCTION, runs, timeout_s=_TIMEOUT_S) for _ in range(_SAMPLES)]
    except (MeasurementError, ToolError) as error:
        return wrong("noise", f"it cannot be measured ({error})", f"repair the device {target.device.uri} first")
    text = f"{len(samples_s)} samples of a short program spread by {spread(samples_s):.1%}"
    if is_noisy(samples_s):
        return warning("noise", text, "stop other programs on this machine: small gains stay undecided while they run")
    return Finding("noise", text)

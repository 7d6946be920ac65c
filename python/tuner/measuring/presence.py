# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether a device, and the clock to time it by, is on this machine at all, checked before any work is done for it."""

from __future__ import annotations

from tuner.errors import InputError, MeasurementError
from tuner.measuring.clocks import lacking
from tuner.measuring.runner import Runner
from tuner.targets import Device


def check_present(device: Device) -> None:
    """Raises InputError if IREE's driver, in a process of its own that may crash, finds no such device or clock."""
    if device.in_host_memory:
        return
    check_clock(device)
    try:
        with Runner(device) as runner:
            runner.open_device()
    except MeasurementError as error:
        raise InputError(
            f"nothing can be measured on {device.uri} here ({error}); compile for another machine's by --no-measure"
        ) from error


def check_clock(device: Device) -> None:
    """Raises InputError if this machine lacks what the device's clock needs."""
    if lacks := lacking(device):
        raise InputError(lacks)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Clocks that time programs, by the names of `tuner.targets.Device.clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from tuner.errors import MeasurementError
from tuner.measuring import cupti
from tuner.targets import Device
from tuner.targets.device import CUPTI


class Clock(Protocol):
    """Times what it runs."""

    def seconds(self, run: Callable[[int], None], times: int) -> float:
        """Seconds of one run, from `run(times)`. Raises MeasurementError if there is no time of them."""


class HostClock:
    """A clock of the host: it counts from the start of a command buffer to its end, what starts it included."""

    def __init__(self, read: Callable[[], float]) -> None:
        """`read`: seconds, never going back."""
        self._read = read

    def seconds(self, run: Callable[[int], None], times: int) -> float:
        started = self._read()
        run(times)
        return (self._read() - started) / times


def host_clock(device: Device) -> Clock:
    """The clock of the host by which programs on this device are timed."""
    return HostClock(time.process_time if device.clock == "cpu" else time.perf_counter)


def dispatch_clock(device: Device) -> Clock:
    """The clock by which dispatches on this device are timed. Raises MeasurementError if it cannot be used here."""
    return cupti.open_clock() if device.clock == CUPTI else host_clock(device)


def lacking(device: Device) -> str:
    """What this machine lacks for the device's clock, and how to get it; "" if nothing."""
    try:
        if device.clock == CUPTI:
            cupti.open_library()
    except MeasurementError as error:
        return str(error)
    return ""

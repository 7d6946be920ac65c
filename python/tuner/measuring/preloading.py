# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads programs once beforehand, in several processes, where the driver compiles them when they are loaded.

A CUDA binary holds PTX. The driver compiles it at the first load, which takes a tenth of a second to several, and
keeps the result in a cache that all processes share. Done one after the other this would cost more than measuring.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType

from tuner.errors import MeasurementError
from tuner.measuring.local_process import LASTING_THREAD
from tuner.measuring.programs import ProgramSource
from tuner.measuring.runner import Runner
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Device

# Each takes the memory of a context on the device.
_MOST_PROCESSES = 8


class Preloader:
    """Processes that load programs. Use it as a context manager. For other devices it does nothing."""

    def __init__(self, device: Device, workers: int, watch: Stopwatch | None = None) -> None:
        """`workers`: processes at most, of which no more than eight are made. `watch` counts the time, a compiler's."""
        self._watch = watch or Stopwatch()
        processes = min(workers, _MOST_PROCESSES) if device.compiles_on_load else 0
        # They time nothing, so they need no clock of the device's.
        self._runners = [Runner(replace(device, clock="wall")) for _ in range(processes)]
        self._threads = ThreadPoolExecutor(max(1, processes), LASTING_THREAD)
        self._opening: list[Future[None]] = []

    def __enter__(self) -> Preloader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.ExitStack() as ends:
            for runner in self._runners:
                ends.callback(runner.__exit__, kind, error, traceback)
            ends.callback(self._threads.shutdown)
            for runner in self._runners:
                ends.callback(runner.interrupt)

    def begin(self) -> None:
        """Starts the processes, which takes seconds and else happens with the first programs; returns at once."""
        self._opening = [self._threads.submit(runner.open_device) for runner in self._runners]

    def wait(self) -> None:
        """Waits until the processes of `begin` have opened the device, so that nothing starts beside a measurement."""
        with self._watch.of(Part.STARTING):
            for opening in self._opening:
                # A device that cannot be opened says so when something is to be measured on it.
                with contextlib.suppress(MeasurementError):
                    opening.result()
            self._opening.clear()

    def load(self, programs: Sequence[ProgramSource], *, timeout_s: float = 60.0) -> None:
        """Returns when each was loaded once, and nothing runs any more. What fails to load fails again when run."""
        if not self._runners or not programs:
            return
        waiting = list(programs)

        def work(runner: Runner) -> None:
            while True:
                try:
                    program = waiting.pop()
                except IndexError:
                    return
                with contextlib.suppress(MeasurementError):
                    runner.load("preloaded", program, timeout_s=timeout_s)
                    runner.unload("preloaded")

        self.wait()
        with self._watch.of(Part.COMPILING):
            list(self._threads.map(work, self._runners))

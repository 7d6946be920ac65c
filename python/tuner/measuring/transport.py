# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What carries a runner's calls to where programs run, and how that can fail."""

from __future__ import annotations

from typing import Protocol, TypeVar

from tuner.errors import MeasurementError
from tuner.measuring.calls import Call

T = TypeVar("T")

# A process can be killed from outside. A device that fails this many fresh processes in a row is lost.
ATTEMPTS = 3


class ProgramCrashedError(MeasurementError):
    """The process that ran a program died."""


class ProgramKilledError(ProgramCrashedError):
    """The process was killed from outside, by a person or by the Linux kernel when memory was short."""


class ProgramTimedOutError(MeasurementError):
    """A program did not end in time; its process was killed."""


class Transport(Protocol):
    """Carries calls to programs: to a child process, to another machine, or to a recording (`tuner.testing`).

    After ProgramCrashedError or ProgramTimedOutError a fresh process serves the next call, with nothing loaded.
    """

    @property
    def generation(self) -> int:
        """The number of processes that have ended, so that a caller knows when to load its programs again."""

    def start(self) -> None:
        """Starts what serves, which otherwise starts with the first call, and returns at once."""

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        """Makes a call and waits for its result.

        Raises MeasurementError if the call fails, DeviceLostError if the device is out of reach.
        """

    def restart(self) -> None:
        """Ends the process; a fresh one serves the next call."""

    def close(self, *, at_once: bool = False) -> None:
        """Ends the process for good: later calls fail.

        `at_once`, from any thread: returns without waiting, and a call that is under way fails too.
        """

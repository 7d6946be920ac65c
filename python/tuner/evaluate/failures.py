# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a failed run says of the program that ran: its fate, and how often it may be tried."""

from __future__ import annotations

from tuner.errors import MeasurementError
from tuner.measuring import ProgramCrashedError, ProgramKilledError, ProgramTimedOutError
from tuner.outcome import Fate

# The first crash, or the first failure in a final, may be the fault of something else; the second is the program's own.
CHANCES = 2
# The Linux kernel may kill a process because the candidate takes all memory, or because something else does.
_CHANCES_IF_KILLED = 3
MOST_CHANCES = max(CHANCES, _CHANCES_IF_KILLED)


def chances_after(error: MeasurementError) -> int:
    """How often a candidate that failed like this may be run in all."""
    if isinstance(error, ProgramKilledError):
        return _CHANCES_IF_KILLED
    return CHANCES if isinstance(error, ProgramCrashedError) else 1


def fate_of(error: MeasurementError) -> Fate:
    """The fate of a candidate whose last chance ended like this."""
    return Fate.TIMED_OUT if isinstance(error, ProgramTimedOutError) else Fate.RUN_FAILED

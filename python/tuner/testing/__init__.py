# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fakes and contracts for tests: programs that are replayed instead of run, and what plug-ins must keep to."""

from tuner.testing.recording import MadeUp, RecordedRun, RecordedStore, Recording
from tuner.testing.replay import DEVICE, Behaviour, Course, Replay, ReplayedProgram, Slip

__all__ = [
    "DEVICE",
    "Behaviour",
    "Course",
    "MadeUp",
    "RecordedRun",
    "RecordedStore",
    "Recording",
    "Replay",
    "ReplayedProgram",
    "Slip",
]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a terminal shows of a run: its progress, its result, and what a run would do."""

from tuner.terminal.event_stream import EventStream
from tuner.terminal.forecasts import print_forecast
from tuner.terminal.progress import ProgressView
from tuner.terminal.table import print_dispatches, print_result

__all__ = ["EventStream", "ProgressView", "print_dispatches", "print_forecast", "print_result"]

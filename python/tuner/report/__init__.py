# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shows a run to people: while it goes on, and when it has ended."""

from tuner.report.progress import ProgressView
from tuner.report.table import print_dispatches, print_result

__all__ = ["ProgressView", "print_dispatches", "print_result"]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where commands show what goes on: a terminal of its own width, or a file or pipe of a fixed one."""

from __future__ import annotations

import sys

from rich.console import Console

# Columns of a table that goes to a file or a pipe, where no terminal says how wide it is.
_PLAIN_WIDTH = 120


def console() -> Console:
    """A console on stdout."""
    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)

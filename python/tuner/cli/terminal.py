# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where commands show what goes on: a terminal of its own width, or a file or pipe of a fixed one."""

from __future__ import annotations

import sys

from rich.console import Console

# Columns of a table that goes to a file or a pipe, where no terminal says how wide it is.
_PLAIN_WIDTH = 120


def console(*, stderr: bool = False) -> Console:
    """A console on stdout, or on stderr where stdout is for programs."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _PLAIN_WIDTH)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asks z3 whether assertions can hold together."""

from __future__ import annotations

import z3

_INTERRUPTED = "interrupted from keyboard"


def ask(solver: z3.Solver) -> z3.CheckSatResult:
    """z3's answer. Raises KeyboardInterrupt if Ctrl-C ended the question, which z3 reports like a timeout."""
    answer = solver.check()
    if answer == z3.unknown and solver.reason_unknown() == _INTERRUPTED:
        raise KeyboardInterrupt
    return answer

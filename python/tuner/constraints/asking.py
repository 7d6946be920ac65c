# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asks z3."""

from __future__ import annotations

import z3

_INTERRUPTED = "interrupted from keyboard"


def ask(solver: z3.Solver) -> z3.CheckSatResult:
    """What z3 answers. Raises KeyboardInterrupt where Ctrl-C ended it, of which z3 tells as of a timeout."""
    answer = solver.check()
    if answer == z3.unknown and solver.reason_unknown() == _INTERRUPTED:
        raise KeyboardInterrupt
    return answer

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flags with which a choice compiles although the compiler refused one of its dispatches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repair:
    """Flags to add if the compiler prints what `pattern` finds.

    `at_most`: the greatest number that the pattern's group may stand for; more is beyond this repair. `reason` says
    what the compiler refused.
    """

    pattern: str
    flags: tuple[str, ...]
    reason: str
    at_most: int | None = None

    def fits(self, output: str) -> bool:
        """Whether it may help against what the compiler printed."""
        found = re.findall(self.pattern, output)
        return bool(found) and (self.at_most is None or max(map(int, found)) <= self.at_most)


def next_repair(repairs: Sequence[Repair], output: str, flags: Sequence[str]) -> Repair | None:
    """The first repair that fits and sets nothing that `flags` set already; None if there is no other."""
    settled = {flag.partition("=")[0] for flag in flags}
    fitting = (repair for repair in repairs if repair.fits(output))
    return next((repair for repair in fitting if not settled & {flag.partition("=")[0] for flag in repair.flags}), None)

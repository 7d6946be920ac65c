# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long a run may take, and how much of that is left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tuner.errors import InputError

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of seconds by `clock` from `started_s` on (by default now), or None for as long as it takes."""

    seconds: float | None = None
    started_s: float = field(default_factory=time.monotonic)
    clock: Callable[[], float] = time.monotonic

    @property
    def is_limited(self) -> bool:
        """Whether there is an end at all."""
        return self.seconds is not None

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started_s

    @property
    def left_s(self) -> float:
        """Seconds until the end (negative afterwards); infinite without one."""
        return float("inf") if self.seconds is None else self.seconds - self.spent_s

    def part(self, seconds: float) -> Budget:
        """A budget of `seconds` from now on, or of what is left if that is less; without an end the same budget."""
        return self if self.seconds is None else Budget(max(0.0, min(self.left_s, seconds)), self.clock(), self.clock)

    def less(self, seconds: float) -> Budget:
        """The same budget, which ends `seconds` earlier."""
        return self if self.seconds is None else Budget(self.seconds - seconds, self.started_s, self.clock)


def parse_duration_s(text: str, option: str) -> float:
    """Seconds from `90s`, `20m`, `1h30m`, `7d`. Raises InputError that names the option."""
    parts = re.findall(rf"(\d+(?:\.\d+)?)([{''.join(_UNITS_S)}])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InputError(f"{option} takes a duration such as 90s, 20m or 1h30m, not '{text}'")
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if not seconds > 0:
        raise InputError(f"{option} must be more than nothing, not '{text}'")
    return seconds

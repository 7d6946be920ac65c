# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run tells while it goes on, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tuner.outcome import Evaluation


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase began. `total` steps are ahead, or None where that is not known."""

    text: str
    total: int | None = None


@dataclass(frozen=True, slots=True)
class CandidateEnded:
    """A candidate of `dispatch` came to its end. `best` is the best speed-up so far."""

    dispatch: str
    evaluation: Evaluation
    best: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a user should read."""

    text: str


Event = PhaseStarted | CandidateEnded | Note
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that ignores everything."""

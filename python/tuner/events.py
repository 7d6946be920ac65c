# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run tells while it goes on, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

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
class FlagsTried:
    """Flags of the whole compilation were tried: `values` of the knobs that are not at their default.

    `number` counts from 1. `time_s` is the median seconds of a run of the model, None where it failed, `detail` then
    says why. `best` is the best speed-up over the plain model so far.
    """

    number: int
    values: Mapping[str, str]
    time_s: float | None
    best: float
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        return {"event": "flags tried", **asdict(self)}


@dataclass(frozen=True, slots=True)
class FinalistFailed:
    """A finalist of `dispatch` failed in the final and is passed over; its evaluation has the new fate."""

    dispatch: str
    evaluation: Evaluation

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        failed = self.evaluation
        return {
            "event": "finalist failed",
            "dispatch": self.dispatch,
            "number": failed.number,
            "fate": failed.fate.value,
            "detail": failed.detail,
        }


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What goes on around the measurements of `dispatch`: the machine is noisy, or the device is lost."""

    dispatch: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        return {"event": "disturbance", "dispatch": self.dispatch, "detail": self.text}


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a user should read."""

    text: str


Event = PhaseStarted | CandidateEnded | FlagsTried | FinalistFailed | Disturbance | Note
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that ignores everything."""

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run tells while it goes on, to whoever listens.

Every event has a `to_json`: an object whose `event` names its kind, as `iree-tune run --json` prints it and, for
some kinds, as it stands in a run's log.
"""

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

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {"event": "phase started", "text": self.text, "total": self.total}


@dataclass(frozen=True, slots=True)
class SearchPlanned:
    """The search begins: so many candidates of so many dispatches, fewer where a budget ends first."""

    dispatches: int
    candidates: int

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {"event": "search planned", "dispatches": self.dispatches, "candidates": self.candidates}


@dataclass(frozen=True, slots=True)
class CandidateEnded:
    """A candidate of `dispatch` came to its end. `best` is its best speed-up so far.

    `stored`: it ended so in an earlier run, and was neither compiled nor measured now.
    """

    dispatch: str
    evaluation: Evaluation
    best: float
    stored: bool = False

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {
            "event": "candidate ended",
            "dispatch": self.dispatch,
            **self.evaluation.to_json(),
            "best": self.best,
            "stored": self.stored,
        }


@dataclass(frozen=True, slots=True)
class FlagsTried:
    """Flags of the whole compilation were tried: `values` of the knobs that are not at their default.

    `number` counts from 1. `time_s` is the median seconds of a run of the model, None where it failed, `detail` then
    says why. `best` is the best speed-up over the plain model so far. `stored`: known from an earlier run.
    """

    number: int
    values: Mapping[str, str]
    time_s: float | None
    best: float
    detail: str = ""
    stored: bool = False

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
            "number": failed.candidate.number,
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

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {"event": "note", "text": self.text}


Event = PhaseStarted | SearchPlanned | CandidateEnded | FlagsTried | FinalistFailed | Disturbance | Note
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that ignores everything."""


def both(first: Listener, second: Listener) -> Listener:
    """A listener that tells two others, one after the other."""

    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen

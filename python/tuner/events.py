# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run reports to its listeners while it goes on.

Every event has a `to_json`: an object whose `event` names its kind, as `iree-tune run --json` prints it and, for
some kinds, as it stands in a run's log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tuner.jsonable import to_plain
from tuner.outcome import Evaluation
from tuner.speedup import Ratio


class _Plain:
    """An event that is written as its fields."""

    __slots__ = ()
    _kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {"event": self._kind, **to_plain(self)}


@dataclass(frozen=True, slots=True)
class RunStarted(_Plain):
    """A run started; `folder` is where it keeps what it finds."""

    _kind = "run started"
    folder: Path


@dataclass(frozen=True, slots=True)
class StageStarted(_Plain):
    """A stage of the run started: the first is reading the model. `number` counts from 1 to `count`."""

    _kind = "stage started"
    number: int
    count: int
    name: str


@dataclass(frozen=True, slots=True)
class PhaseStarted(_Plain):
    """A phase started. `total` steps are ahead, or None if that is not known."""

    _kind = "phase started"
    text: str
    total: int | None = None


@dataclass(frozen=True, slots=True)
class SearchPlanned(_Plain):
    """The search starts: of `dispatches` there will be `candidates` in all, fewer if a budget ends first.

    `tried` of them were tried before, in a race of two choices of flags. `finals_s`: seconds that the finals are
    expected to take, `then_s`: what follows the search.
    """

    _kind = "search planned"
    dispatches: int
    candidates: int
    tried: int = 0
    finals_s: float = 0.0
    then_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CandidateEnded:
    """A candidate of `dispatch` ended. `best` is the dispatch's best speed-up so far.

    `stored`: the result is from an earlier run; the candidate was neither compiled nor measured now. If another choice
    of flags takes over, after a note, its candidates follow at once, perhaps of dispatches of the same names. Those
    before then no longer count.
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
class FlagsTried(_Plain):
    """Flags of the whole compilation were tried: `values` of the knobs that are not at their default.

    `number` counts from 1 in each search. `time_s` is the median seconds of a run of the model, None if it failed;
    `detail` then says why. It also names the flags that had to be added for the model to compile. `best` is the best
    speed-up so far over the model that the search started with. `stored`: the result is from an earlier run.
    """

    _kind = "flags tried"
    number: int
    values: Mapping[str, str]
    time_s: float | None
    best: float
    detail: str = ""
    stored: bool = False


@dataclass(frozen=True, slots=True)
class OpChoiceTried(_Plain):
    """A choice for single ops was tried: `values` has its kind and its value, `ops` are the ops that it was tried for.

    `number` counts from 1 in each search. `time_s` is the median seconds of a run of the model, None if it failed.
    `detail` says why the choice is not kept, "" if it is. `best` is the best speed-up so far over the model that the
    search started with. `stored`: the result is from an earlier run.
    """

    _kind = "op choice tried"
    number: int
    values: Mapping[str, str]
    ops: tuple[str, ...]
    time_s: float | None
    best: float
    detail: str = ""
    stored: bool = False


@dataclass(frozen=True, slots=True)
class FinalistFailed:
    """A finalist of `dispatch` failed in the final and is passed over; `evaluation` has the new fate."""

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
class FinalistChecked(_Plain):
    """The finalist `candidate` of `dispatch` is faster than the default and passed a harder check, named by `text`."""

    _kind = "finalist checked"
    dispatch: str
    candidate: int
    text: str


@dataclass(frozen=True, slots=True)
class DispatchEnded(_Plain):
    """The search of a dispatch ended. `is_tuned`: its best candidate is confirmed to be faster than the default.

    `ratio` is the confirmed speed-up of the best candidate, in its final; None if it had none.
    """

    _kind = "dispatch ended"
    dispatch: str
    verdict: str
    is_tuned: bool
    ratio: Ratio | None


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What disturbs the measurements of `dispatch` ("" for all): the machine is noisy, or a device is lost."""

    dispatch: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """One line of a run's log."""
        return {"event": "disturbance", "dispatch": self.dispatch, "detail": self.text}


@dataclass(frozen=True, slots=True)
class Note(_Plain):
    """Something that a user should read."""

    _kind = "note"
    text: str


Event = (
    RunStarted
    | StageStarted
    | PhaseStarted
    | SearchPlanned
    | CandidateEnded
    | DispatchEnded
    | FlagsTried
    | OpChoiceTried
    | FinalistChecked
    | FinalistFailed
    | Disturbance
    | Note
)
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that ignores everything."""


def both(first: Listener, second: Listener) -> Listener:
    """A listener that passes events to two others, one after the other."""

    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run's progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from tuner.events import CandidateEnded, Disturbance, Event, FinalistFailed, FlagsTried, Note, PhaseStarted
from tuner.outcome import Fate

_LINE_EVERY = 10


class ProgressView:
    """A listener that shows what it hears. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[best]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._fates: Counter[Fate] = Counter()

    def __enter__(self) -> ProgressView:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Shows one event."""
        match event:
            case PhaseStarted(text, total):
                self._start(text, total)
            case CandidateEnded():
                self._candidate(event)
            case FlagsTried(number, values, time_s, best, detail):
                self._flags(number, values, time_s, best, detail)
            case FinalistFailed(_, failed):
                self._say(f"  candidate {failed.number} is passed over: {failed.fate.value}, {failed.detail}")
            case Disturbance(_, text):
                self._say(f"  {text}")
            case Note(text):
                self._say(text)

    def _start(self, text: str, total: int | None) -> None:
        self._fates.clear()
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(text, total=total, best="")
        if not self._console.is_terminal:
            self._say(text)

    def _candidate(self, event: CandidateEnded) -> None:
        number, fate = event.evaluation.number, event.evaluation.fate
        self._fates[fate] += 1
        failed = {kind.value: count for kind, count in self._fates.items() if kind is not Fate.MEASURED}
        best = f"best {event.best:.2f}x"
        if failed:
            best += " " + " ".join(f"{kind} {count}" for kind, count in sorted(failed.items()))
        if self._task is not None:
            self._progress.update(self._task, completed=number, best=best)
        if not self._console.is_terminal and number and number % _LINE_EVERY == 0:
            self._say(f"  {number} candidates, {best}")

    def _flags(self, number: int, values: Mapping[str, str], time_s: float | None, best: float, detail: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=number, best=f"best {best:.2f}x")
        if not self._console.is_terminal:
            named = " ".join(f"{name}={value}" for name, value in values.items()) or "as given"
            self._say(f"  {named}: " + (f"{time_s * 1e3:.4g} ms" if time_s is not None else detail))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run's progress: a bar with a line below it on a terminal, plain lines from time to time elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Literal

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from tuner.evaluate.budget import Budget
from tuner.events import (
    CandidateEnded,
    Disturbance,
    Event,
    FinalistFailed,
    FlagsTried,
    Note,
    OpChoiceTried,
    PhaseStarted,
    RunStarted,
    SearchPlanned,
)
from tuner.outcome import Fate
from tuner.terminal.lines import print_line
from tuner.terminal.tally import Tally
from tuner.terminal.units import duration, rough

# How much is shown: results alone, progress, or a line for each candidate too.
Detail = Literal["none", "usual", "much"]

# Seconds between two lines of counts if there is no terminal.
_LINE_EVERY_S = 10.0


class ProgressView:
    """A listener that shows the events of a run. Use it as a context manager."""

    def __init__(
        self,
        console: Console,
        *,
        budget: Budget | None = None,
        detail: Detail = "usual",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget`: how long the run may take, None for no limit. `clock`: seconds, never going back."""
        self._console = console
        self._detail = detail
        self._budget = budget or Budget()
        self._clock = clock
        self._tally = Tally()
        self._is_search = False
        self._phases: set[str] = set()
        self._printed_s = float("-inf")
        self._counted = 0
        self._progress = _Bars(self._status, console)
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressView:
        if self._detail != "none":
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
        if self._detail == "none":
            return
        match event:
            case RunStarted(folder):
                self._print(f"This run's folder: {folder}")
            case PhaseStarted(text, total):
                self._start(text, total)
            case SearchPlanned(_, candidates):
                self._is_search = True
                self._expect(candidates)
            case CandidateEnded(_, evaluation, best, stored):
                if self._detail == "much":
                    self._print(f"  {_outcome(event)}")
                if not evaluation.candidate.is_default:
                    failure = None if evaluation.fate is Fate.MEASURED else evaluation.fate.value
                    self._count(evaluation.candidate.number, best, failure, stored=stored)
            case FlagsTried(number, _, time_s, best, _, stored):
                self._count(number, best, None if time_s is not None else "Unusable", stored=stored)
            case OpChoiceTried(number, _, _, time_s, best, _, stored):
                self._count(number, best, None if time_s is not None else "Unusable", stored=stored)
            case FinalistFailed(_, failed):
                self._print(
                    f"  candidate {failed.candidate.number} is passed over: {failed.fate.value}, {failed.detail}"
                )
            case Disturbance(_, text):
                self._print(f"  {text}")
            case Note(text):
                self._print(text)

    def _start(self, text: str, total: int | None) -> None:
        if total is None or not self._is_search:
            self._print_counts()
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(text, total=total)
        if total is not None and not self._is_search:
            self._expect(total)
        # A search that alternates between dispatches enters the same phases again and again.
        if not self._console.is_terminal and text not in self._phases:
            self._phases.add(text)
            self._print(text)

    def _expect(self, total: int) -> None:
        self._tally.expect(total, self._clock())
        self._counted = 0
        self._printed_s = self._clock()

    def _count(self, number: int, best: float, failure: str | None, *, stored: bool) -> None:
        self._tally.add(best, failure, stored=stored)
        if self._task is not None:
            self._progress.update(self._task, completed=number)
        if self._clock() - self._printed_s >= _LINE_EVERY_S or self._tally.is_complete:
            self._print_counts()

    def _print_counts(self) -> None:
        """Prints the counts if they changed since the last line and no terminal shows them."""
        if not self._console.is_terminal and self._tally.ended > self._counted:
            self._counted, self._printed_s = self._tally.ended, self._clock()
            self._print(f"  {self._status()}")

    def _status(self) -> str:
        parts = [self._tally.text(self._clock())] if self._tally.ended else []
        if self._budget.is_limited:
            parts.append(f"budget: {rough(max(0.0, self._budget.left_s))} left")
        return "; ".join(parts)

    def _print(self, text: str) -> None:
        print_line(self._console, text)


def _outcome(ended: CandidateEnded) -> str:
    """How a candidate ended, as a line."""
    evaluation = ended.evaluation
    what = "the default" if evaluation.candidate.is_default else f"candidate {evaluation.candidate.number}"
    if evaluation.time_s is None:
        reason = f", {evaluation.detail}" if evaluation.detail else ""
        return f"{ended.dispatch}, {what}: {evaluation.fate.value}{reason}"
    speedup = "" if evaluation.speedup is None else f", raw {evaluation.speedup:.2f}x"
    stored = ", from the store" if ended.stored else ""
    return f"{ended.dispatch}, {what}: {duration(evaluation.time_s)}{speedup}{stored}"


class _Bars(Progress):
    """A bar for the phase, and below it a line of text that is computed each time it is drawn."""

    def __init__(self, status: Callable[[], str], console: Console) -> None:
        self._status = status
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        status = self._status()
        if status:
            yield Text(f"  {status}")

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run's progress: a bar with lines below it on a terminal, plain lines from time to time elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from rich.console import Console

from tuner.evaluate.budget import Budget
from tuner.events import (
    CandidateEnded,
    DispatchEnded,
    Disturbance,
    Event,
    FinalistChecked,
    FinalistFailed,
    FlagsTried,
    Note,
    OpChoiceTried,
    PhaseStarted,
    RunStarted,
    SearchPlanned,
    StageStarted,
)
from tuner.outcome import Fate
from tuner.terminal.bars import Bars
from tuner.terminal.lines import print_line
from tuner.terminal.names import shortened
from tuner.terminal.outlook import Outlook
from tuner.terminal.tally import Tally
from tuner.terminal.units import counted, duration, rough

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
        self._outlook: Outlook | None = None
        self._step = ""
        self._is_counting = self._is_search = False
        self._phases: set[str] = set()
        self._disturbances: set[str] = set()
        self._untold = 0
        self._printed_s = float("-inf")
        self._counted = 0
        # What a terminal shows below all that is printed.
        self.bars = Bars(self._lines, console)

    def __enter__(self) -> ProgressView:
        if self._detail != "none":
            self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bars.stop()
        if self._untold:
            self._print(f"  {counted(self._untold, 'disturbance')} more of the same kinds; the run's log has all")

    def __call__(self, event: Event) -> None:
        """Shows one event."""
        if self._detail == "none":
            return
        match event:
            case RunStarted(folder):
                print_line(self._console, f"This run's folder: {folder}")
            case StageStarted(number, count, _):
                self._start_stage(number, count)
            case PhaseStarted(text, total):
                self._start(text, total)
            case SearchPlanned(dispatches, candidates, tried, finals_s, then_s):
                self._is_search = True
                self._outlook = Outlook(candidates - tried, dispatches, finals_s, then_s)
                self._expect(candidates - tried)
            case CandidateEnded():
                self._end_candidate(event)
            case DispatchEnded():
                self._end_dispatch(event)
            case FlagsTried(number, _, time_s, best, _, stored):
                self._count(number, best, None if time_s is not None else "Unusable", stored=stored)
            case OpChoiceTried(number, _, _, time_s, best, _, stored):
                self._count(number, best, None if time_s is not None else "Unusable", stored=stored)
            case FinalistChecked(_, number, text):
                if self._detail == "much":
                    self._print(f"  candidate {number}: {text}")
            case FinalistFailed(_, failed):
                self._print(
                    f"  candidate {failed.candidate.number} is passed over: {failed.fate.value}, {failed.detail}"
                )
            case Disturbance(_, text):
                self._disturb(text)
            case Note(text):
                self._print(text)

    def _start_stage(self, number: int, count: int) -> None:
        self._print_counts()
        self._step = f"[{number}/{count}] "
        if self._is_search and self._outlook is not None:
            self._is_search = False
            self._outlook.start("then", self._clock())

    def _start(self, text: str, total: int | None) -> None:
        if total is None or not self._is_search:
            self._print_counts()
        if self._is_search and self._outlook is not None:
            self._outlook.start("final" if total is None else "candidates", self._clock())
        elif total is not None:
            self._expect(total)
        self._is_counting = total is not None
        self.bars.show(f"{self._step}{self._named(text)}", total)
        # A search that alternates between dispatches enters the same phases again and again.
        if not self._console.is_terminal and text not in self._phases:
            self._phases.add(text)
            self._print(f"{self._step}{text}")

    def _expect(self, total: int) -> None:
        self._tally.expect(total, self._clock())
        self._counted = 0
        self._printed_s = self._clock()

    def _end_candidate(self, ended: CandidateEnded) -> None:
        evaluation = ended.evaluation
        if self._detail == "much":
            self._print(f"  {_outcome(ended)}")
        if evaluation.candidate.is_default:
            return
        if self._outlook is not None:
            self._outlook.add_candidate(self._clock(), stored=ended.stored)
        failure = None if evaluation.fate is Fate.MEASURED else evaluation.fate.value
        self._count(evaluation.candidate.number, ended.best, failure, stored=ended.stored)

    def _end_dispatch(self, ended: DispatchEnded) -> None:
        if self._outlook is not None:
            self._outlook.end_dispatch(self._clock(), had_final=ended.ratio is not None)
        if ended.ratio is not None or self._detail == "much":
            gained = f"confirmed {ended.ratio}" if ended.is_tuned else ended.verdict
            self._print(f"  {ended.dispatch}: {gained}", style="bold" if ended.is_tuned else "")

    def _disturb(self, text: str) -> None:
        """Reports a disturbance of a kind that was not reported yet; figures alone make no other kind."""
        kind = re.sub(r"\d+(\.\d+)?", "", text)
        if self._detail == "much" or kind not in self._disturbances:
            self._disturbances.add(kind)
            self._print(f"  {text}")
        else:
            self._untold += 1

    def _count(self, number: int, best: float, failure: str | None, *, stored: bool) -> None:
        self._tally.add(best, failure, self._clock(), stored=stored)
        self.bars.reach(number)
        if self._clock() - self._printed_s >= _LINE_EVERY_S or self._tally.is_complete:
            self._print_counts()

    def _print_counts(self) -> None:
        """Prints the counts if they changed since the last line and no terminal shows them."""
        if not self._console.is_terminal and self._tally.ended > self._counted:
            self._counted, self._printed_s = self._tally.ended, self._clock()
            self._print(f"  {', '.join([self._tally.text, *self._times()])}")

    def _lines(self) -> list[str]:
        """What a terminal shows below the bar: the counts of this phase, and the time that is left."""
        counts = [self._tally.text] if self._is_counting and self._tally.ended else []
        return [*counts, *([", ".join(times)] if (times := self._times()) else [])]

    def _times(self) -> list[str]:
        """The time that is left: of the whole run if that is known, else of these candidates."""
        budget_s = max(0.0, self._budget.left_s)
        times = [f"budget: {rough(budget_s)} left"] if self._budget.is_limited else []
        now_s = self._clock()
        if self._outlook is None:
            left_s = self._tally.left_s(now_s) if self._is_counting else None
            return [f"about {rough(left_s)} left", *times] if left_s else times
        left_s = self._outlook.left_s(now_s)
        return (
            times
            if left_s is None or left_s < 1.0
            else [f"the run ends in about {rough(min(left_s, budget_s))}", *times]
        )

    def _named(self, text: str) -> str:
        """The text with short names of dispatches, unless everything is wanted."""
        return text if self._detail == "much" else shortened(text)

    def _print(self, text: str, style: str = "") -> None:
        print_line(self._console, self._named(text), style=style)


def progress_on_stderr(budget_s: float | None) -> ProgressView:
    """A view for callers from Python. Without a terminal, as in a notebook, it prints plain lines.

    `budget_s`: seconds that the run may take from now on, None for no limit.
    """
    return ProgressView(Console(stderr=True, force_jupyter=False), budget=Budget(budget_s))


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

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches choices for single ops, by the time of the whole model.

The most promising choices are tried all together, then each for all ops that it suits, then, if that does not pay, for
each half of these ops, those with the longest loops first. What pays is kept, and the next choice must be faster than
the model with it. In the end it is tried whether some ops are better without.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.errors import MeasurementError, ToolError
from tuner.evaluate.budget import Budget
from tuner.events import Note, OpChoiceTried, PhaseStarted
from tuner.op_choices import InputOp, OpChoice
from tuner.speedup import Ratio, is_faster
from tuner.tuning.comparison import compare_models
from tuner.tuning.op_plan import MOST_TRIALS, Group, plan_ops
from tuner.tuning.op_trials import OpTrials
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench


@dataclass(frozen=True, slots=True)
class ChosenOps:
    """What was chosen for single ops, the flags that apply it, and the model compiled with them.

    `ratio` compares that model with the plain one, or with the one with flags that they were chosen beside
    (`beside_flags`).
    """

    choices: tuple[OpChoice, ...]
    flags: tuple[str, ...]
    binary: Path
    ratio: Ratio
    beside_flags: bool = False

    @property
    def name(self) -> str:
        """The choices for people, and for how many ops each was made."""
        counts = Counter(f"{choice.kind}={choice.value}" for choice in self.choices)
        return ", ".join(f"{choice} for {count}" for choice, count in counts.items())

    @property
    def has_convolutions(self) -> bool:
        """Whether something was chosen for a convolution."""
        return any(choice.op.has_window for choice in self.choices)

    def base(self, plain: PlainModel, flags: Sequence[str]) -> PlainModel:
        """The plain model with the choices, for others to be compared with; `flags` are those of its compilation."""
        return plain.compiled_with(flags, self.binary, self.ratio.value)


def choose_ops(
    bench: Workbench, plain: PlainModel, ops: Sequence[InputOp], budget: Budget, read_s: float
) -> ChosenOps | None:
    """The choices for single ops that make the model faster; None if none do. The outputs must be the plain model's.

    `ops`: those of the model, the longest loops first. `budget`: the time for this, for flags and for dispatches.
    `read_s`: reading the dispatches that choices make.
    """
    planned = plan_ops(bench.options, bench.target.name, ops, plain.costs, read_s)
    if not planned.groups:
        return None
    part = budget.part(planned.part_s(budget.left_s))
    return _OpSearch(bench, plain, OpTrials(bench, plain, part), part, planned.trial_s, read_s).run(planned.groups)


class _OpSearch:
    def __init__(
        self, bench: Workbench, plain: PlainModel, trials: OpTrials, budget: Budget, first_s: float, read_s: float
    ) -> None:
        self._bench = bench
        self._plain = plain
        self._trials = trials
        self._budget = budget
        self._read_s = read_s
        self._kept: dict[InputOp, OpChoice] = {}
        self._best = plain.program.binary
        self._best_s = plain.run_s
        self._trial_s = first_s

    def run(self, groups: Sequence[Group]) -> ChosenOps | None:
        """Tries the groups in their order, then parts of those that did not pay, as long as there is time."""
        if not self._has_time():
            self._bench.listen(
                Note(
                    f"Nothing is chosen for single ops: one of them and its comparison would take about"
                    f" {self._trial_s + self._end_s:.0f} s of the {max(0.0, self._budget.left_s):.0f} s for them"
                )
            )
            return None
        self._bench.listen(
            PhaseStarted(f"choices for single ops: {len(groups)} for all ops that they suit", len(groups))
        )
        waiting, number, started = deque(groups), 0, time.perf_counter()
        kept_together: dict[str, Group] = {}
        while number < MOST_TRIALS and self._has_time() and not self._bench.stop():
            if not waiting:
                waiting.extend(group.without() for group in kept_together.values())
                kept_together = {}
            if not waiting:
                break
            group = waiting.popleft()
            if group.beside(self._kept) == self._kept:
                continue
            number += 1
            if not self._pays(group, number):
                waiting.extend(group.halves())
            elif len(group.values) > 1:
                for kind in group.values:
                    kept_together[kind] = Group(tuple(choice for choice in group.choices if choice.kind == kind))
            self._trial_s = (time.perf_counter() - started) / number
        return self._compared() if self._kept else None

    def _pays(self, group: Group, number: int) -> bool:
        """Tries a group beside what is kept, and keeps it if it pays."""
        before, state = tuple(self._kept.values()), group.beside(self._kept)
        choices = tuple(state.values())
        end = self._trials.of(choices, before, self._best, self._best_s)
        if end.is_kept:
            binary = end.binary or self._again(choices)
            if binary is None:
                return True
            self._kept, self._best, self._best_s = state, binary, end.time_s or self._best_s
        tried = OpChoiceTried(
            number,
            group.values,
            tuple(choice.op.label for choice in group.choices),
            end.time_s,
            self._plain.run_s / self._best_s,
            end.detail,
            end.is_stored,
        )
        self._bench.folder.append(tried.to_json())
        self._bench.listen(tried)
        return end.is_kept

    def _again(self, choices: Sequence[OpChoice]) -> Path | None:
        """The binary of choices that an earlier run kept."""
        try:
            return self._trials.compiled(choices)
        except ToolError as error:
            self._bench.listen(Note(f"A choice for single ops is dropped: {error}"))
            return None

    def _compared(self) -> ChosenOps | None:
        """What is kept, if the model with it is faster than the plain one side by side."""
        choices = tuple(self._kept.values())
        rng = np.random.default_rng(self._bench.options.seed)
        budget = self._budget.less(self._read_s)
        try:
            compared = compare_models(self._plain, self._plain.program, self._best, self._bench.runner, rng, budget)
        except MeasurementError as error:
            self._bench.runner.check_device()
            self._bench.listen(Note(f"The choices for single ops are dropped: {error}"))
            return None
        if not is_faster(compared.ratio, 0.0):
            self._bench.listen(Note(f"The choices for single ops are dropped: {compared.ratio} over the plain model"))
            return None
        return ChosenOps(choices, self._trials.flags(choices), self._best, compared.ratio)

    @property
    def _end_s(self) -> float:
        """What comes after the last one that is tried."""
        return self._read_s + self._plain.costs.comparison_s(candidate_s=self._best_s)

    def _has_time(self) -> bool:
        return self._budget.left_s >= self._trial_s + self._end_s

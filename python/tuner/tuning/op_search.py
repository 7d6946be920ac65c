# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches choices for single ops, by the time of the whole model.

A choice is tried for all ops of its kind at once, then, if that does not pay, for each half of them alone, those with
the longest loops first. What pays is kept, and the next choice must be faster than the model with it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner import op_choices
from tuner.errors import MeasurementError, ToolError
from tuner.evaluate.budget import Budget
from tuner.events import Note, OpChoiceTried, PhaseStarted
from tuner.model.model import PREPROCESSING_FLAG
from tuner.op_choices import InputOp, OpChoice
from tuner.options import Options
from tuner.speedup import is_faster
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.op_trials import OpTrials
from tuner.tuning.reserve import ops_s
from tuner.tuning.whole_model import PlainModel, compare_models
from tuner.tuning.workbench import Workbench

# Sets of choices that are tried at most.
_MOST_TRIALS = 32
# The part of all steps of all loops that is too small for an op to be tried.
_NEGLIGIBLE = 0.001


@dataclass(frozen=True, slots=True)
class ChosenOps:
    """What was chosen for single ops, and all flags that the model is compiled with for that beside the user's."""

    choices: tuple[OpChoice, ...]
    flags: FlagChoice


def choose_ops(
    bench: Workbench, plain: PlainModel, flags: FlagChoice, ops: Sequence[InputOp], budget: Budget, read_s: float
) -> ChosenOps | None:
    """The choices for single ops that make the model faster, given the flags that were chosen for it; None if none do.

    `ops`: those of the model, the longest loops first. The outputs must be the plain model's. `budget`: the time for
    this and for dispatches. `read_s`: reading the dispatches that choices make.
    """
    groups = groups_of(ops, free_kinds(bench.options))
    if not groups:
        return None
    part = budget.part(ops_s(budget.left_s))
    trials = OpTrials(bench, plain, plain.model.with_flags(*flags.flags), part)
    return _OpSearch(bench, plain, flags, trials, part, read_s).run(groups)


def free_kinds(options: Options) -> dict[str, op_choices.OpChoiceKind]:
    """The kinds of choices that the user's flags do not settle, by name."""
    settled = {flag.partition("=")[0] for flag in options.flags}
    if PREPROCESSING_FLAG in settled or options.keep_flags:
        return {}
    return {
        name: kind for name, kind in op_choices.kinds() if not settled & {flag.partition("=")[0] for flag in kind.flags}
    }


@dataclass(frozen=True, slots=True)
class Group:
    """Equal choices for several ops."""

    choices: tuple[OpChoice, ...]

    @property
    def kind(self) -> str:
        """The name of their kind."""
        return self.choices[0].kind

    def halves(self) -> Iterator[Group]:
        """Both halves, if there are several ops."""
        middle = (len(self.choices) + 1) // 2
        for half in (self.choices[:middle], self.choices[middle:]):
            if half and half != self.choices:
                yield Group(half)


def groups_of(ops: Sequence[InputOp], kinds: Mapping[str, op_choices.OpChoiceKind]) -> list[Group]:
    """For each kind its values, each for all ops that it suits and whose loops are long enough to matter."""
    total = sum(op.steps_of_loops for op in ops)
    long = [op for op in ops if op.steps_of_loops >= _NEGLIGIBLE * total]
    groups = []
    for name, kind in kinds.items():
        values = {op: kind.values(op) for op in long}
        for place in range(max(map(len, values.values()), default=0)):
            suited = [OpChoice(name, values[op][place], op) for op in long if place < len(values[op])]
            groups.append(Group(tuple(suited)))
    return groups


class _OpSearch:
    def __init__(
        self, bench: Workbench, plain: PlainModel, flags: FlagChoice, trials: OpTrials, budget: Budget, read_s: float
    ) -> None:
        self._bench = bench
        self._plain = plain
        self._flags = flags
        self._trials = trials
        self._budget = budget
        self._read_s = read_s
        self._kept: dict[InputOp, OpChoice] = {}
        self._best = plain.program.binary
        self._plain_s = plain.costs.run_s
        self._best_s = plain.run_s / (flags.speedup or 1.0)
        self._trial_s = plain.costs.compile_s + plain.costs.comparison_s()

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
        try:
            if self._flags.flags:
                self._best = self._trials.compiled(())
        except ToolError as error:
            self._bench.listen(Note(f"Nothing is chosen for single ops: with the chosen flags {error}"))
            return None
        waiting, number, started = deque(groups), 0, time.perf_counter()
        while waiting and number < _MOST_TRIALS and self._has_time():
            number += 1
            group = waiting.popleft()
            if not self._pays(group, number):
                waiting.extend(group.halves())
            self._trial_s = (time.perf_counter() - started) / number
        return self._compared() if self._kept else None

    def _pays(self, group: Group, number: int) -> bool:
        """Tries a group beside what is kept, and keeps it if it pays. True also if it changes nothing at all."""
        before = tuple(self._kept.values())
        state = {**self._kept, **{choice.op: choice for choice in group.choices}}
        choices = tuple(state.values())
        end = self._trials.of(choices, before, self._best, self._best_s)
        if end.is_kept:
            binary = end.binary or self._again(choices)
            if binary is None:
                return True
            self._kept, self._best, self._best_s = state, binary, end.time_s or self._best_s
        tried = OpChoiceTried(
            number,
            {group.kind: group.choices[0].value},
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
        chosen = (*self._flags.flags, *self._trials.flags(choices))
        rng = np.random.default_rng(self._bench.options.seed)
        try:
            compared = compare_models(
                self._plain,
                self._plain.program,
                self._best,
                self._bench.runner,
                rng,
                self._budget.less(self._read_s),
            )
        except MeasurementError as error:
            self._bench.runner.check_device()
            self._bench.listen(Note(f"The choices for single ops are dropped: {error}"))
            return None
        if not is_faster(compared.ratio, 0.0):
            self._bench.listen(Note(f"The choices for single ops are dropped: {compared.ratio} over the plain model"))
            return None
        return ChosenOps(choices, replace(self._flags, flags=chosen, ratio=compared.ratio))

    @property
    def _end_s(self) -> float:
        """What comes after the last one that is tried."""
        return self._read_s + self._plain.costs.comparison_s(candidate_s=self._best_s)

    def _has_time(self) -> bool:
        return self._budget.left_s >= self._trial_s + self._end_s

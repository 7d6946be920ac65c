# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches choices for single ops, by the time of the whole model.

The most promising choices are tried all together, then each for all ops that it suits, then, if that does not pay, for
each half of these ops, those with the longest loops first. What pays is kept, and the next choice must be faster than
the model with it. In the end it is tried whether some ops are better without.
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
from tuner.model_flags import DEFAULT
from tuner.op_choices import InputOp, OpChoice
from tuner.options import Options
from tuner.speedup import Ratio, is_faster
from tuner.tuning.flag_plan import default_passes, known_flags
from tuner.tuning.op_trials import OpTrials
from tuner.tuning.reserve import ops_s
from tuner.tuning.whole_model import PlainModel, compare_models
from tuner.tuning.workbench import Workbench

# Factor on the estimate of the first try.
_MARGIN = 1.05
# Sets of choices that are tried at most.
_MOST_TRIALS = 32
# The part of all steps of all loops that is too small for an op to be tried.
_NEGLIGIBLE = 0.001


@dataclass(frozen=True, slots=True)
class ChosenOps:
    """What was chosen for single ops, the flags that apply it, and the model compiled with them.

    `ratio` compares that model with the plain one.
    """

    choices: tuple[OpChoice, ...]
    flags: tuple[str, ...]
    binary: Path
    ratio: Ratio

    @property
    def has_convolutions(self) -> bool:
        """Whether something was chosen for a convolution."""
        return any(loop.role == "window" for choice in self.choices for loop in choice.op.loops)

    def base(self, plain: PlainModel, flags: Sequence[str]) -> PlainModel:
        """The plain model with the choices, for others to be compared with; `flags` are those of its compilation."""
        costs = replace(plain.costs, run_s=plain.costs.run_s / self.ratio.value)
        program = replace(plain.program, binary=self.binary)
        run_s = plain.run_s / self.ratio.value
        return replace(plain, model=plain.model.with_flags(*flags), program=program, costs=costs, run_s=run_s)


@dataclass(frozen=True, slots=True)
class Settled:
    """The flags that the user gave or pinned, and the names of all that these settle."""

    given: frozenset[str]
    names: frozenset[str]

    @staticmethod
    def by(options: Options, target: str) -> Settled:
        """What the options of a run settle."""
        known = known_flags(target)
        pinned = [] if known is None else [knob for knob in known.knobs if knob.name in options.pins]
        values = (
            ()
            if known is None
            else known.flags(
                {knob.name: options.pins[knob.name] for knob in pinned if options.pins[knob.name] in knob.choices}
            )
        )
        names = {flag.partition("=")[0] for flag in options.flags}.union(*(knob.flag_names for knob in pinned))
        return Settled(frozenset((*options.flags, *values)), frozenset(names))

    def allows(self, choice: OpChoice) -> bool:
        """Whether the choice needs no flag that is settled otherwise."""
        return all(flag in self.given or flag.partition("=")[0] not in self.names for flag in choice.rewriting.flags)


def may_choose_ops(options: Options, target: str) -> bool:
    """Whether the options leave choices for single ops to the run. Pinned passes would leave it other ops."""
    is_given = any(flag.startswith(PREPROCESSING_FLAG) for flag in options.flags)
    is_given |= any(options.pins.get(name, DEFAULT) != DEFAULT for name in default_passes(target))
    return not (is_given or options.keep_flags or options.dispatches)


def choose_ops(
    bench: Workbench, plain: PlainModel, ops: Sequence[InputOp], budget: Budget, read_s: float
) -> ChosenOps | None:
    """The choices for single ops that make the model faster; None if none do. The outputs must be the plain model's.

    `ops`: those of the model, the longest loops first. `budget`: the time for this, for flags and for dispatches.
    `read_s`: reading the dispatches that choices make.
    """
    settled = Settled.by(bench.options, bench.target.name)
    groups = list(groups_of(ops, settled))
    if not groups:
        return None
    first_s = plain.costs.compile_s + plain.costs.comparison_s()
    part = budget.part(ops_s(budget.left_s, _MARGIN * (first_s + plain.costs.comparison_s() + read_s)))
    return _OpSearch(bench, plain, OpTrials(bench, plain, part), part, first_s, read_s).run(groups)


@dataclass(frozen=True, slots=True)
class Group:
    """Choices that are tried together, at most one for each op."""

    choices: tuple[OpChoice, ...]

    @property
    def values(self) -> dict[str, str]:
        """The kinds of choices and their values; of a kind with several values the first."""
        return {choice.kind: choice.value for choice in reversed(self.choices)}

    def halves(self) -> Iterator[Group]:
        """Both halves, if there are several ops and one kind of choice."""
        if len(self.values) > 1:
            return
        middle = (len(self.choices) + 1) // 2
        for half in (self.choices[:middle], self.choices[middle:]):
            if half and half != self.choices:
                yield Group(half)

    def without(self) -> Group:
        """The default in place of each choice."""
        return Group(tuple(replace(choice, value=DEFAULT) for choice in self.choices))

    def beside(self, kept: Mapping[InputOp, OpChoice]) -> dict[InputOp, OpChoice]:
        """What is kept, with these choices."""
        state = {**kept, **{choice.op: choice for choice in self.choices}}
        return {op: choice for op, choice in state.items() if choice.value != DEFAULT}


def groups_of(ops: Sequence[InputOp], settled: Settled) -> Iterator[Group]:
    """The first values of the promising kinds together; then for each kind its values, each for all ops that it suits.

    Ops whose loops are too short to matter are left out. So are marks that a flag makes the compiler read, if the model
    has no other op: the flag alone does the same, and flags are searched too.
    """
    total = sum(op.steps_of_loops for op in ops)
    long = [op for op in ops if op.steps_of_loops >= _NEGLIGIBLE * total]
    together: dict[InputOp, OpChoice] = {}
    groups = []
    for name, kind in op_choices.kinds():
        values = {
            op: [choice for value in kind.values(op) if settled.allows(choice := OpChoice(name, value, op))]
            for op in long
        }
        for place in range(max(map(len, values.values()), default=0)):
            suited = tuple(choices[place] for choices in values.values() if place < len(choices))
            if len(ops) == 1 and _is_flag_alone(suited[0]):
                continue
            groups.append(Group(suited))
            if kind.priority > 0 and place == 0:
                together = {**{choice.op: choice for choice in suited}, **together}
    if len({choice.kind for choice in together.values()}) > 1:
        yield Group(tuple(together.values()))
    yield from groups


def _is_flag_alone(choice: OpChoice) -> bool:
    rewriting = choice.rewriting
    return bool(rewriting.flags) and not rewriting.function


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
        while number < _MOST_TRIALS and self._has_time() and not self._bench.stop():
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

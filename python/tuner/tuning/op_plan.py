# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which choices may be made for single ops of a model, which are tried together, and how many a budget affords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner import op_choices
from tuner.errors import ToolError
from tuner.events import Listener, Note
from tuner.model.model import PREPROCESSING_FLAG, Model
from tuner.model_flags import DEFAULT
from tuner.op_choices import InputOp, OpChoice
from tuner.op_choices.reading import read_ops
from tuner.options import Options
from tuner.tuning.flag_plan import default_passes, known_flags
from tuner.tuning.reserve import ModelCosts, ops_s

# Sets of choices that are tried at most.
MOST_TRIALS = 32
# Factor on the estimate of the first try.
_MARGIN = 1.05
# The part of all steps of all loops that is too small for an op to be tried.
_NEGLIGIBLE = 0.001


@dataclass(frozen=True, slots=True)
class OpPlan:
    """What a search of choices for single ops would do: the sets of them that are tried first, in their order.

    `trial_s`: seconds for one set. `end_s`: seconds for what comes after the last one.
    """

    groups: tuple[Group, ...]
    trial_s: float
    end_s: float

    @property
    def ops(self) -> Mapping[str, int]:
        """For each choice, as KIND=VALUE, how many ops it suits; equal ops are one."""
        suited = {choice for group in self.groups for choice in group.choices}
        names = dict.fromkeys(f"{choice.kind}={choice.value}" for group in self.groups for choice in group.choices)
        counts = Counter(f"{choice.kind}={choice.value}" for choice in suited)
        return {name: counts[name] for name in names}

    def part_s(self, left_s: float) -> float:
        """How much of what is left may go into the search."""
        return ops_s(left_s, _MARGIN * (self.trial_s + self.end_s))

    def affordable(self, left_s: float) -> int:
        """As many of the sets as there is time for."""
        time_s = self.part_s(left_s) - self.end_s
        return int(max(0, min(MOST_TRIALS, len(self.groups), time_s / self.trial_s)))


def plan_ops(options: Options, target: str, ops: Sequence[InputOp], costs: ModelCosts, read_s: float) -> OpPlan:
    """What would be searched. `ops`: those of the model. `read_s`: reading the dispatches that choices make."""
    groups = tuple(groups_of(ops, Settled.by(options, target)))
    compared_s = costs.comparison_s()
    return OpPlan(groups, trial_s=costs.compile_s + compared_s, end_s=compared_s + read_s)


def ops_of(model: Model, folder: Path, listen: Listener) -> tuple[InputOp, ...]:
    """The ops of a model that something may be chosen for; none, and a note, if the model cannot be read."""
    folder.mkdir(exist_ok=True)
    try:
        return read_ops(model, folder)
    except ToolError as error:
        listen(Note(f"Nothing is chosen for single ops: {error}"))
        return ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled for a target: the flags that the user gave or pinned, and the names of all that these settle."""

    target: str
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
        return Settled(target, frozenset((*options.flags, *values)), frozenset(names))

    def allows(self, choice: OpChoice) -> bool:
        """Whether the choice needs no flag that is settled otherwise."""
        return all(flag in self.given or flag.partition("=")[0] not in self.names for flag in choice.rewriting.flags)


def may_choose_ops(options: Options, target: str) -> bool:
    """Whether the options leave choices for single ops to the run. Pinned passes would leave it other ops."""
    is_given = any(flag.startswith(PREPROCESSING_FLAG) for flag in options.flags)
    is_given |= any(options.pins.get(name, DEFAULT) != DEFAULT for name in default_passes(target))
    return not (is_given or options.keep_flags or options.dispatches)


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
    for name, kind in op_choices.kinds(settled.target):
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

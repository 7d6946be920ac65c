# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which flags of the whole compilation may be chosen for a target, and how many choices a budget affords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner import plugins
from tuner.constraints import Space, SpaceTooLargeError, enumerate_space
from tuner.errors import InputError
from tuner.evaluate.budget import Budget
from tuner.model_flags import DEFAULT, Host, ModelFlags
from tuner.options import Options
from tuner.targets.host import processor_features
from tuner.tuning.reserve import flags_s
from tuner.tuning.whole_model import PlainModel

# Choices that are tried at most.
MOST_TRIALS = 24
# Choices that are compiled at a time at most: what they give decides what is tried next.
MOST_AT_ONCE = 4
# Rows. Larger spaces are not counted one by one.
_COUNTED_ROWS = 100_000


def known_flags(target: str) -> ModelFlags | None:
    """The choices registered for a target, if any."""
    if target not in plugins.names("tuner.model_flags"):
        return None
    found: ModelFlags = plugins.load("tuner.model_flags", target)
    return found


def space_of(known: ModelFlags, options: Options, *, convolutions: bool = True) -> Space:
    """The choices that the options leave, and that make sense on this machine and for a model without convolutions.

    A flag of the user may name another processor. Raises InputError for pins that name no choice.
    """
    is_other = any(flag.startswith("--iree-llvmcpu-target-cpu") for flag in options.flags)
    host = Host(options.threads, None if is_other else processor_features())
    return known.space(options.pins, options.flags, host, convolutions=convolutions)


def is_choice(target: str, flag: str) -> bool:
    """Whether a registered choice for the target sets this flag, to this value."""
    known = known_flags(target)
    return known is not None and known.has(flag)


def pins_of(target: str, flags: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The choices that these flags are, by the name of the knob, and the flags that are none."""
    known, pins, others = known_flags(target), dict[str, str](), []
    for flag in flags:
        found = [
            (knob.name, value)
            for knob in (() if known is None else known.knobs)
            for value in knob.choices
            if known is not None and known.flags({knob.name: value}) == (flag,)
        ]
        pins.update(found[:1])
        if not found:
            others.append(flag)
    return pins, tuple(others)


def remade_by(target: str, values: Mapping[str, str]) -> frozenset[str]:
    """What the values make of products and convolutions; empty if the compiler leaves them as they are."""
    known = known_flags(target)
    return frozenset() if known is None else known.remade(values)


def default_passes(target: str) -> dict[str, str]:
    """A pin of each choice of passes, to none. Passes run before choices for single ops and leave them other ops."""
    known = known_flags(target)
    return {} if known is None else {knob.name: DEFAULT for knob in known.knobs if knob.has_passes}


def check_pins(target: str, options: Options) -> None:
    """Raises InputError for pins that name no choice."""
    known = known_flags(target)
    if known is not None:
        space_of(known, options)
    elif options.pins:
        raise InputError(f"there are no choices of flags for {target}; leave out --pin")


@dataclass(frozen=True, slots=True)
class FlagTimes:
    """Seconds that a search of flags takes: for one choice, and beside the choices."""

    choice_s: float
    beside_s: float

    @staticmethod
    def of(plain: PlainModel, options: Options, read_s: float = 0.0) -> FlagTimes:
        """What is to be expected of this model. `read_s`: reading the dispatches that flags make."""
        costs = plain.costs
        return FlagTimes(costs.choice_s(at_once(options)), costs.sampled_s + costs.comparison_s() + read_s)

    def affordable(self, choices: int, left_s: float) -> int:
        """As many choices as there are, or as there is time for in what is left of the budget."""
        time_s = flags_s(left_s, self.choice_s, self.beside_s) - self.beside_s
        return int(max(0, min(MOST_TRIALS, choices, time_s / self.choice_s)))


@dataclass(frozen=True, slots=True)
class FlagPlan:
    """What a search of flags would do: the values of each knob, how many choices they make, how many would be tried.

    `choice_s`: seconds for one choice.
    """

    knobs: Mapping[str, tuple[str, ...]]
    choices: int
    trials: int
    choice_s: float


def plan_flags(
    target: str, options: Options, plain: PlainModel, before_s: float = 0.0, *, convolutions: bool = True
) -> FlagPlan | None:
    """What would be searched; None if the target has no such choices, or all are settled.

    `before_s`: what comes before it. `convolutions`: whether the model has some.
    """
    known = known_flags(target)
    if known is None:
        return None
    space = space_of(known, options, convolutions=convolutions)
    free = {knob.name for knob in space.knobs if len(knob.domain) > 1}
    if not free:
        return None
    choices = count_choices(space)
    times = FlagTimes.of(plain, options)
    trials = times.affordable(choices, Budget(options.budget_s).left_s - before_s)
    knobs = {knob.name: knob.values for knob in known.knobs if knob.name in free}
    return FlagPlan(knobs, choices, trials, times.choice_s)


def at_once(options: Options) -> int:
    """How many choices are compiled at a time."""
    return min(MOST_AT_ONCE, options.compile_workers)


def count_choices(space: Space) -> int:
    """How many choices there are beside the default; for a large space without the effect of its rules."""
    is_default_free = all(knob.domain[0] == 0 for knob in space.knobs)
    try:
        return len(enumerate_space(space, max_rows=_COUNTED_ROWS)) - is_default_free
    except SpaceTooLargeError:
        return space.size_unconstrained - is_default_free

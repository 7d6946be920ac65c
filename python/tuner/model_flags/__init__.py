# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for the whole compilation: flags of iree-compile that decide which dispatches exist.

A target's choices are one file, registered under the target's name as an entry point of the group
`tuner.model_flags`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.constraints import Knob, Rule, Space
from tuner.errors import InputError
from tuner.model_flags.repair import Repair

__all__ = ["DEFAULT", "FlagKnob", "ModelFlags", "parse_pins"]

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class FlagKnob:
    """A choice of the whole compilation: the flags that each value stands for. `default` stands for none."""

    name: str
    choices: Mapping[str, tuple[str, ...]]

    @property
    def values(self) -> tuple[str, ...]:
        """What may be chosen; the default comes first."""
        return (DEFAULT, *self.choices)

    @property
    def flag_names(self) -> frozenset[str]:
        """The flags that the choices set."""
        return frozenset(flag.partition("=")[0] for flags in self.choices.values() for flag in flags)


@dataclass(frozen=True, slots=True)
class ModelFlags:
    """What may be chosen for a whole compilation, and which choices go together.

    `rules` maps a rule's name to a function that makes a z3 assertion of the knobs' variables. A variable numbers the
    values of its knob from 0. `repairs` are flags for choices that do not compile without them.
    """

    knobs: tuple[FlagKnob, ...]
    rules: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()

    def space(self, pinned: Mapping[str, str], given: Iterable[str]) -> Space:
        """The choices that remain when some are pinned and flags that the user gave settle others.

        Raises InputError for a pinned knob or value that does not exist.
        """
        for name, value in pinned.items():
            pinned_knob = next((knob for knob in self.knobs if knob.name == name), None)
            if pinned_knob is None:
                known = ", ".join(knob.name for knob in self.knobs) or "none"
                raise InputError(f"there is no choice '{name}' of flags; there are: {known}")
            if value not in pinned_knob.values:
                raise InputError(f"'{name}' cannot be '{value}'; choose one of: {', '.join(pinned_knob.values)}")
        settled = {flag.partition("=")[0] for flag in given}
        knobs = []
        for knob in self.knobs:
            values = tuple(range(len(knob.values)))
            if knob.name in pinned:
                values = (knob.values.index(pinned[knob.name]),)
            elif knob.flag_names & settled:
                values = (0,)
            knobs.append(Knob(knob.name, values))
        variables = {choice.name: choice.var for choice in knobs}
        return Space(tuple(knobs), tuple(Rule(name, rule(variables)) for name, rule in self.rules.items()))

    def chosen(self, point: Mapping[str, int]) -> dict[str, str]:
        """The value of each knob that is not left at its default."""
        return {knob.name: knob.values[point[knob.name]] for knob in self.knobs if point[knob.name]}

    def has(self, flag: str) -> bool:
        """Whether one of the choices, or a repair, sets this flag, to this value."""
        if any(flag in repair.flags for repair in self.repairs):
            return True
        return any(flag in flags for knob in self.knobs for flags in knob.choices.values())

    def flags(self, chosen: Mapping[str, str]) -> tuple[str, ...]:
        """The flags of iree-compile for these values."""
        return tuple(flag for knob in self.knobs if knob.name in chosen for flag in knob.choices[chosen[knob.name]])


def parse_pins(texts: Sequence[str]) -> dict[str, str]:
    """The value of each name in texts `NAME=VALUE`. Raises InputError."""
    pins = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InputError(f"--pin takes NAME=VALUE, as in opt-level=O3 or data-tiling=default, not '{text}'")
        pins[name] = value
    return pins

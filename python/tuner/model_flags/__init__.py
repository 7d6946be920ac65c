# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for the whole compilation: flags of iree-compile that decide which dispatches exist.

A target's choices are one file, registered under the target's name as an entry point of the group
`tuner.model_flags`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.constraints import Knob, Rule, Space
from tuner.errors import InputError
from tuner.model_flags.repair import Repair

__all__ = ["DEFAULT", "FlagKnob", "Host", "ModelFlags", "parse_pins"]

DEFAULT = "default"
# The flag that takes the passes of all knobs. iree-compile reads it once.
_PASSES = "--iree-preprocessing-pass-pipeline"


@dataclass(frozen=True, slots=True)
class Host:
    """What a model runs on: so many threads of a processor. `features` is None if they are unknown."""

    threads: int
    features: frozenset[str] | None = None

    def may_have(self, feature: str) -> bool:
        """Whether the processor has this feature, as in `+avx512f`, or may have it."""
        return self.features is None or feature in self.features


@dataclass(frozen=True, slots=True)
class FlagKnob:
    """A choice of the whole compilation: what each value stands for. `default` stands for nothing.

    A value stands for flags, which start with dashes, and for passes, which run before IREE's own over each function.
    `suits` holds conditions for values that make sense on some hosts only. `remakes`: what values make of
    products and convolutions, in a word, if they make other ops of them. What tuning gains differs then. `recodes`:
    what they make of the code of these ops, if they leave the ops as they are: tuning gains as much.
    `of_convolutions`: the values that change nothing in a model without convolutions.
    """

    name: str
    choices: Mapping[str, tuple[str, ...]]
    suits: Mapping[str, Callable[[Host], bool]] = field(default_factory=dict)
    remakes: Mapping[str, str] = field(default_factory=dict)
    recodes: Mapping[str, str] = field(default_factory=dict)
    of_convolutions: frozenset[str] = frozenset()

    @property
    def values(self) -> tuple[str, ...]:
        """What may be chosen; the default comes first."""
        return (DEFAULT, *self.choices)

    @property
    def flag_names(self) -> frozenset[str]:
        """The flags that the choices set."""
        return frozenset(flag.partition("=")[0] for parts in self.choices.values() for flag in _flags_of(parts))

    @property
    def has_passes(self) -> bool:
        """Whether one of the choices stands for passes."""
        return _PASSES in self.flag_names

    def suited(self, host: Host | None, *, convolutions: bool = True) -> tuple[int, ...]:
        """The numbers of the values that make sense on a host, if it is known, and for a model without convolutions."""
        return tuple(
            number
            for number, value in enumerate(self.values)
            if (host is None or value not in self.suits or self.suits[value](host))
            and (convolutions or value not in self.of_convolutions)
        )


def _flags_of(parts: Iterable[str]) -> tuple[str, ...]:
    """The flags of iree-compile for flags and passes; the passes make one flag."""
    parts = tuple(parts)
    passes = ",".join(part for part in parts if not part.startswith("--"))
    flags = tuple(part for part in parts if part.startswith("--"))
    return (*flags, f"{_PASSES}=builtin.module(util.func({passes}))") if passes else flags


@dataclass(frozen=True, slots=True)
class ModelFlags:
    """What may be chosen for a whole compilation, and which choices go together.

    `rules` maps a rule's name to a function that makes a z3 assertion of the knobs' variables. A variable numbers the
    values of its knob from 0. Passes of several knobs run in the order of the knobs. `repairs` are flags for choices
    that do not compile without them. `gains`: the file of what choices gave on measured models (`gains.py`), if any;
    without it single values are tried in the order of the knobs.
    """

    knobs: tuple[FlagKnob, ...]
    rules: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()
    gains: Path | None = None

    def space(
        self,
        pinned: Mapping[str, str],
        given: Iterable[str],
        host: Host | None = None,
        *,
        convolutions: bool = True,
    ) -> Space:
        """The choices that remain when some are pinned and flags that the user gave settle others.

        Values that make no sense on `host`, or for a model without `convolutions`, are left out unless they are pinned.
        Raises InputError for a pinned knob or value that does not exist.
        """
        for name, value in pinned.items():
            pinned_knob = next((knob for knob in self.knobs if knob.name == name), None)
            if pinned_knob is None:
                known = ", ".join(knob.name for knob in self.knobs) or "none"
                raise InputError(
                    f"there is no choice '{name}' of flags; there are: {known}. Knobs of dispatches take --fix"
                )
            if value not in pinned_knob.values:
                raise InputError(f"'{name}' cannot be '{value}'; choose one of: {', '.join(pinned_knob.values)}")
        settled = {flag.partition("=")[0] for flag in given}
        knobs = []
        for knob in self.knobs:
            values = knob.suited(host, convolutions=convolutions)
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

    def remade(self, chosen: Mapping[str, str]) -> frozenset[str]:
        """What the values make of products and convolutions; empty if the compiler leaves them as they are."""
        return _words((knob.remakes, chosen.get(knob.name, DEFAULT)) for knob in self.knobs)

    def made_new(self, chosen: Mapping[str, str]) -> frozenset[str]:
        """The same, and what the values make of the code of these ops: what is worth an early try."""
        return self.remade(chosen) | _words((knob.recodes, chosen.get(knob.name, DEFAULT)) for knob in self.knobs)

    def has(self, flag: str) -> bool:
        """Whether some of the choices, or a repair, set this flag, to this value."""
        if any(flag in repair.flags for repair in self.repairs):
            return True
        if flag.partition("=")[0] == _PASSES:
            every = itertools.product(*(((), *knob.choices.values()) for knob in self.knobs if knob.has_passes))
            return any(flag in _flags_of(itertools.chain(*parts)) for parts in every)
        return any(flag in _flags_of(parts) for knob in self.knobs for parts in knob.choices.values())

    def flags(self, chosen: Mapping[str, str]) -> tuple[str, ...]:
        """The flags of iree-compile for these values."""
        return _flags_of(part for knob in self.knobs if knob.name in chosen for part in knob.choices[chosen[knob.name]])


def _words(named: Iterable[tuple[Mapping[str, str], str]]) -> frozenset[str]:
    """The words for values, as far as they have one."""
    return frozenset(words[value] for words, value in named if value in words)


def parse_pins(texts: Sequence[str]) -> dict[str, str]:
    """The value of each name in texts `NAME=VALUE`. Raises InputError."""
    pins = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InputError(f"--pin takes NAME=VALUE, as in opt-level=O3 or data-tiling=default, not '{text}'")
        pins[name] = value
    return pins

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One space of the solutions of several."""

from __future__ import annotations

from collections.abc import Mapping

import z3

from tuner.constraints.space import Knob, Rule, Space

# The value of a knob that the chosen space has not.
ABSENT = -1
_STANDS_FOR = "what the knob stands for"


def united(choice: str, spaces: Mapping[int, Space]) -> Space:
    """The solutions of all spaces side by side: the knob `choice` has the number of the space that a point is of.

    Knobs of equal names are one, with the values of all. A knob that the chosen space has not is `ABSENT`.
    """
    domains: dict[str, set[int]] = {}
    for space in spaces.values():
        for knob in space.knobs:
            domains.setdefault(knob.name, set()).update(knob.domain)
    for space in spaces.values():
        for name in domains.keys() - {knob.name for knob in space.knobs}:
            domains[name].add(ABSENT)
    chosen = Knob(choice, tuple(spaces))
    knobs = (chosen, *(Knob(name, tuple(sorted(domain))) for name, domain in domains.items()))
    cases, rules = [], []
    for number, space in spaces.items():
        own = {knob.name: knob.domain for knob in space.knobs}
        narrowed = {choice: (number,), **{name: own.get(name, (ABSENT,)) for name in domains}}
        cases.append(Space(tuple(Knob(knob.name, narrowed[knob.name]) for knob in knobs), space.rules, space.graph))
        other = chosen.var != number
        rules += [Rule(rule.name, z3.Or(other, rule.assertion), rule.source) for rule in space.rules]
        rules += [
            Rule(
                f"if {choice} is {number}, {knob.name} is in {list(narrowed[knob.name])}",
                z3.Or(other, z3.Or([knob.var == value for value in narrowed[knob.name]])),
                _STANDS_FOR,
            )
            for knob in knobs[1:]
            if set(narrowed[knob.name]) != set(knob.domain)
        ]
    return Space(knobs, tuple(rules), cases=tuple(cases))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Why a space is empty or a point lies outside it, by the names of its rules."""

from __future__ import annotations

from collections.abc import Mapping

import z3

from tuner.constraints.asking import ask
from tuner.constraints.errors import ConstraintError
from tuner.constraints.space import Space


def explain_empty(space: Space, *, timeout_s: float = 10.0) -> tuple[str, ...]:
    """The names of rules (and knobs' domains) that no point satisfies together, or () if some point does.

    The set comes from z3's unsat core, minimised. Raises ConstraintError if z3 gives up: `unknown` never
    counts as an answer.
    """
    solver = z3.Solver()
    solver.set("timeout", int(timeout_s * 1000))
    solver.set("core.minimize", True)
    for position, knob in enumerate(space.knobs):
        choices = z3.Or([knob.var == value for value in knob.domain])
        solver.assert_and_track(choices, f"domain {position}")
    for position, rule in enumerate(space.rules):
        solver.assert_and_track(rule.assertion, f"rule {position}")
    answer = ask(solver)
    if answer == z3.sat:
        return ()
    if answer == z3.unknown:
        raise ConstraintError(
            f"z3 gave up after {timeout_s} s ({solver.reason_unknown()}); raise the timeout or narrow the domains"
        )
    names = []
    for label in sorted(str(label) for label in solver.unsat_core()):
        what, _, index = label.partition(" ")
        if what == "rule":
            names.append(space.rules[int(index)].name)
        else:
            knob = space.knobs[int(index)]
            names.append(f"{knob.name} in {list(knob.domain)}")
    return tuple(names)


def violated_rules(space: Space, point: Mapping[str, int]) -> tuple[str, ...]:
    """The names of rules (and knobs' domains) that a point breaks; () if it is a solution.

    Raises ConstraintError if the point has no value for a knob.
    """
    if missing := [knob.name for knob in space.knobs if knob.name not in point]:
        raise ConstraintError(f"the point has no value for {missing}")
    names = [f"{knob.name} in {list(knob.domain)}" for knob in space.knobs if point[knob.name] not in knob.domain]
    values = [(knob.var, z3.IntVal(point[knob.name])) for knob in space.knobs]
    names += [rule.name for rule in space.rules if not z3.is_true(z3.simplify(z3.substitute(rule.assertion, *values)))]
    return tuple(names)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples of a space that is too large to enumerate: z3 completes random partial assignments.

A sample starts from a solution. For each knob, in random order, a random value is tried. If z3 finds a solution with it
and all values kept before, it is kept; otherwise the value of the last solution is.
"""

from __future__ import annotations

import numpy as np
import z3

from tuner.constraints.asking import ask
from tuner.constraints.errors import ConstraintError
from tuner.constraints.space import Pool, Space

# Samples drawn for each that is wanted, at most: some were drawn before.
_ATTEMPTS = 4


def sample_by_solver(space: Space, count: int, rng: np.random.Generator, *, timeout_s: float = 10.0) -> Pool:
    """Up to `count` different solutions: none if there is none, fewer if z3 finds no more.

    `timeout_s` bounds each question to z3. Raises ConstraintError if z3 gives up: `unknown` never counts as an answer.
    """
    solver = z3.Solver()
    solver.set("timeout", int(timeout_s * 1000))
    solver.set("random_seed", int(rng.integers(2**31)))
    for knob in space.knobs:
        solver.add(z3.Or([knob.var == value for value in knob.domain]))
    solver.add([rule.assertion for rule in space.rules])
    found: dict[tuple[int, ...], None] = {}
    if _is_satisfiable(solver, timeout_s):
        point = _point(solver, space)
        for _ in range(_ATTEMPTS * count):
            if len(found) == count:
                break
            point = _walk(solver, space, point, rng, timeout_s)
            found[point] = None
    rows = np.array(list(found), dtype=np.int64).reshape(len(found), len(space.knobs))
    return Pool(space.knobs, rows, is_exact=not found)


def _walk(
    solver: z3.Solver, space: Space, point: tuple[int, ...], rng: np.random.Generator, timeout_s: float
) -> tuple[int, ...]:
    """A solution that differs from `point` in as many knobs as their rules allow."""
    solver.push()
    for index in rng.permutation(len(space.knobs)):
        knob = space.knobs[index]
        value = knob.domain[rng.integers(len(knob.domain))]
        if value != point[index]:
            solver.push()
            solver.add(knob.var == value)
            if _is_satisfiable(solver, timeout_s):
                point = _point(solver, space)
            solver.pop()
        solver.add(knob.var == point[index])
    solver.pop()
    return point


def _is_satisfiable(solver: z3.Solver, timeout_s: float) -> bool:
    answer = ask(solver)
    if answer == z3.unknown:
        raise ConstraintError(
            f"z3 gave up after {timeout_s} s ({solver.reason_unknown()}); raise the timeout or narrow the domains"
        )
    return bool(answer == z3.sat)


def _point(solver: z3.Solver, space: Space) -> tuple[int, ...]:
    model = solver.model()
    return tuple(model.eval(knob.var, model_completion=True).as_long() for knob in space.knobs)

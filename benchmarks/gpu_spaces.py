# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pool of the GPU suite: a dispatch's registered space, or the compiler's own spaces, widened and joined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emitted_constraints import emit_constraints, materialize
from emitted_space import CompilerEmitted, widened
from tuner import spaces
from tuner.constraints import Knob, Pool, enumerate_space
from tuner.dispatch import Configuration, Dispatch
from tuner.errors import TunerError
from tuner.spaces import SpaceBuilder
from tuner.targets import Limits, Target

STAGES = (0, 2, 3, 4)
ABSENT = 0


@dataclass(frozen=True, slots=True)
class Choices:
    """The pools of several spaces as one.

    The knob `space` says which of `builders` a row is for. Knobs that a space lacks are 0 in its rows.
    """

    problem: object
    builders: tuple[SpaceBuilder, ...]
    pool: Pool

    def configuration(self, row: int) -> Configuration:
        point = self.pool.point(row)
        return self.builders[point.pop("space")].configuration(self.problem, point)  # type: ignore[arg-type]


def choices(model: Path, dispatch: Dispatch, target: Target, limits: Limits, folder: Path) -> Choices:
    """Everything that may be chosen for the dispatch. Raises TunerError if there is nothing."""
    problem = dispatch.problem
    assert problem is not None
    registered = spaces.find(target.name, problem)
    builders: list[SpaceBuilder] = [registered[1]] if registered else []
    builders = builders or [
        CompilerEmitted(target.name, problem, widened(emitted), materialize, stages=STAGES)
        for emitted in emit_constraints(model, target.compile_flags, folder)
        if emitted.dispatch == dispatch.name
    ]
    if not builders:
        raise TunerError(f"no space for {problem.label}")
    return Choices(
        problem, tuple(builders), joined([enumerate_space(each.build(problem, limits)) for each in builders])
    )


def joined(pools: list[Pool]) -> Pool:
    """The rows of all pools, over all their knobs and one more for the pool that a row is from."""
    names = list(dict.fromkeys(knob.name for pool in pools for knob in pool.knobs))
    columns = {name: index + 1 for index, name in enumerate(names)}
    blocks = []
    for number, pool in enumerate(pools):
        block = np.full((len(pool), len(names) + 1), ABSENT, dtype=np.int64)
        block[:, 0] = number
        for index, knob in enumerate(pool.knobs):
            block[:, columns[knob.name]] = pool.rows[:, index]
        blocks.append(block)
    rows = np.concatenate(blocks)
    knobs = [Knob("space", tuple(range(len(pools))))]
    knobs += [Knob(name, tuple(int(value) for value in np.unique(rows[:, column]))) for name, column in columns.items()]
    return Pool(tuple(knobs), rows)

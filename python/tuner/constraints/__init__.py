# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer knobs with finite domains and z3 assertions over them, solved exactly.

Nothing here knows IREE or MLIR: a project that generates its own code can use it alone.

    tile = Knob("tile", (8, 16, 32))
    unroll = Knob("unroll", (1, 2, 4))
    space = Space((tile, unroll), (Rule("fits", tile.var * unroll.var <= 64),))
    pool = enumerate_space(space)          # every solution, one row each
    pool = find_pool(space, samples=500, rng=rng)          # the same, or a sample if there are too many
    pool[0], len(pool), [point["tile"] for point in pool]  # points are mappings from names to values
"""

from tuner.constraints.enumeration import SpaceTooLargeError, enumerate_space
from tuner.constraints.errors import ConstraintError
from tuner.constraints.explanation import explain_empty, violated_rules
from tuner.constraints.pools import find_pool
from tuner.constraints.sampling import sample_space_filling, sample_uniform
from tuner.constraints.smtlib import read_smtlib, write_smtlib
from tuner.constraints.solver_sampling import sample_by_solver
from tuner.constraints.space import Knob, Pool, Rule, Space
from tuner.constraints.union import ABSENT, united

__all__ = [
    "ABSENT",
    "ConstraintError",
    "Knob",
    "Pool",
    "Rule",
    "Space",
    "SpaceTooLargeError",
    "enumerate_space",
    "explain_empty",
    "find_pool",
    "read_smtlib",
    "sample_by_solver",
    "sample_space_filling",
    "sample_uniform",
    "united",
    "violated_rules",
    "write_smtlib",
]

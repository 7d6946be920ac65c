# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer knobs with finite domains and z3 assertions over them, solved exactly.

Nothing here knows IREE or MLIR: a project that writes its own kernels can use it alone.

    tile = Knob("tile", (8, 16, 32))
    unroll = Knob("unroll", (1, 2, 4))
    space = Space((tile, unroll), (Rule("fits", tile.var * unroll.var <= 64),))
    pool = enumerate_space(space)          # every solution, one row each
"""

from tuner.constraints.enumeration import SpaceTooLargeError, enumerate_space
from tuner.constraints.errors import ConstraintError
from tuner.constraints.explanation import explain_empty
from tuner.constraints.sampling import sample_space_filling, sample_uniform
from tuner.constraints.smtlib import read_smtlib
from tuner.constraints.space import Knob, Pool, Rule, Space

__all__ = [
    "ConstraintError",
    "Knob",
    "Pool",
    "Rule",
    "Space",
    "SpaceTooLargeError",
    "enumerate_space",
    "explain_empty",
    "read_smtlib",
    "sample_space_filling",
    "sample_uniform",
]

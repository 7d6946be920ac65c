# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The solutions to search among: all of them, or a sample if there are too many."""

from __future__ import annotations

import numpy as np

from tuner.constraints.enumeration import SpaceTooLargeError, enumerate_space
from tuner.constraints.solver_sampling import sample_by_solver
from tuner.constraints.space import Pool, Space


def find_pool(
    space: Space,
    *,
    samples: int,
    rng: np.random.Generator,
    max_rows: int = 5_000_000,
    timeout_s: float = 60.0,
    check_timeout_s: float = 10.0,
) -> Pool:
    """Every solution, or up to `samples` of them if `enumerate_space` refuses; `Pool.is_exact` tells which.

    Raises ConstraintError as `enumerate_space` and `sample_by_solver` do.
    """
    try:
        return enumerate_space(space, max_rows=max_rows, timeout_s=timeout_s)
    except SpaceTooLargeError:
        return sample_by_solver(space, samples, rng, timeout_s=check_timeout_s)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The default: a random forest and a Gaussian process take turns.

The process learns trends from few candidates and then repeats itself. The forest is slow to start and jumps. When one
is stuck, the other asks elsewhere.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tuner.constraints import Pool
from tuner.search import NO_PRIOR, Prior
from tuner.search.model_based import SHIPPED, Constants, ModelBasedSearch
from tuner.search.models.surrogates import Forest, GaussianProcess


class PortfolioStrategy(ModelBasedSearch):
    """Forest and process in turns."""

    def __init__(
        self,
        pool: Pool,
        rng: np.random.Generator,
        trials: int,
        prior: Prior = NO_PRIOR,
        constants: Constants = SHIPPED,
    ) -> None:
        makers = (partial(Forest, rng, trees=constants.trees), GaussianProcess)
        super().__init__(pool, rng, trials, prior, makers, constants)

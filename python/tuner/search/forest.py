# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random forest with expected improvement, and a second one for failures."""

from __future__ import annotations

from functools import partial

import numpy as np

from tuner.constraints import Pool
from tuner.search import NO_PRIOR, Prior
from tuner.search.model_based import SHIPPED, Constants, ModelBasedSearch
from tuner.search.models.surrogates import Forest


class ForestStrategy(ModelBasedSearch):
    """The forest alone."""

    def __init__(
        self,
        pool: Pool,
        rng: np.random.Generator,
        trials: int,
        prior: Prior = NO_PRIOR,
        constants: Constants = SHIPPED,
    ) -> None:
        super().__init__(pool, rng, trials, prior, (partial(Forest, rng, trees=constants.trees),), constants)

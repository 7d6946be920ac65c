# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a search knows before it starts: how problems of the same form ended, in this run and before it.

Equal seeds ask the same in a run and in one that resumes it: of the store only what had ended before the run started
counts, and what the run itself measures is added in the order of its searches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from tuner.constraints import Pool
from tuner.dispatch import Problem, form_of
from tuner.runs.store import Store
from tuner.search.models.expectation import Expectation, Observation, expect


class Experience:
    """Measurements under the same circumstances, by problem."""

    def __init__(self) -> None:
        # By form, then by problem.
        self._observed: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))

    @staticmethod
    def of(store: Store, before: str) -> Experience:
        """What a store holds from before a moment, as it writes one (UTC)."""
        experience = Experience()
        for key, point, time_s in store.measured(before):
            # A store holds choices of flags too, for no problem.
            with suppress(ValueError):
                experience.add(key, point, time_s)
        return experience

    def add(self, problem: str, point: Mapping[str, int], time_s: float) -> None:
        """What a candidate took, in seconds; `problem` is its problem's key. Raises ValueError for any other text."""
        form, extents = form_of(problem)
        self._observed[form][problem].append(Observation(extents, dict(point), time_s))

    def expectation(self, problem: Problem, pool: Pool, rng: np.random.Generator) -> Expectation | None:
        """What to expect of rows of the pool from other problems of the same form; None if too few were measured."""
        form, extents = form_of(problem.key)
        others = [
            observation
            for key, observed in self._observed[form].items()
            if key != problem.key
            for observation in observed
        ]
        return expect(pool, extents, others, rng)

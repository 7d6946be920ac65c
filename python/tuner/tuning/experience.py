# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What searches teach one another: how similar problems ended, in this run and before it.

Before a search starts, measurements of the same form say what to expect of every row. While it lasts, what won in a
similar problem is tried in the others.

Equal seeds ask the same in a run and in one that resumes it: of the store only what had ended before the run started
counts, and what the run itself measures is added in the order of its searches.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from tuner.constraints import Pool
from tuner.dispatch import Problem, form_of
from tuner.runs.store import Store
from tuner.search.models.expectation import LOOP_OF_KNOB, Expectation, Observation, expect

# Fewer candidates of a problem do not say what there is to be gained.
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Best:
    """The fastest candidate of a problem in this run, by its speed-up over the default, and how many were measured."""

    extents: Mapping[str, int]
    point: Mapping[str, int]
    speedup: float
    measured: int


class Experience:
    """Measurements under the same circumstances, by problem."""

    def __init__(self) -> None:
        # By form, then by problem.
        self._observed: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
        # By family, then by problem.
        self._best: dict[str, dict[str, Best]] = defaultdict(dict)

    @staticmethod
    def of(store: Store, before: str) -> Experience:
        """What a store holds from before a moment, as it writes one (UTC)."""
        experience = Experience()
        for key, point, time_s in store.measured(before):
            # A store holds choices of flags too, for no problem.
            with suppress(ValueError):
                experience.add(key, point, time_s)
        return experience

    def add(self, problem: str, point: Mapping[str, int], time_s: float, speedup: float | None = None) -> None:
        """What a candidate took, in seconds; `problem` is its problem's key. Raises ValueError for any other text.

        `speedup`: over the default, if the run knows it. Nothing is learnt of a candidate without knobs.
        """
        if not point:
            return
        form, extents = form_of(problem)
        self._observed[form][problem].append(Observation(extents, dict(point), time_s))
        if speedup is not None:
            family = self._best[_family_of(problem)]
            known = family.get(problem)
            measured = known.measured + 1 if known else 1
            if known is None or speedup > known.speedup:
                family[problem] = Best(extents, dict(point), speedup, measured)
            else:
                family[problem] = replace(known, measured=measured)

    def similar(self, problem: Problem) -> list[Best]:
        """What was fastest in other problems of the same family, those of the nearest sizes first."""
        _, extents = form_of(problem.key)
        others = [best for key, best in self._best[_family_of(problem.key)].items() if key != problem.key]
        alike = [best for best in others if best.measured >= _FEWEST and best.extents.keys() == extents.keys()]
        return sorted(alike, key=lambda best: _distance(best.extents, extents))

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


class Advisor:
    """What was fastest in similar problems, for one problem's pool."""

    def __init__(self, experience: Experience, problem: Problem, pool: Pool) -> None:
        self._experience = experience
        self._problem = problem
        self._pool = pool
        self._names = [knob.name for knob in pool.knobs]
        _, self._extents = form_of(problem.key)
        # The points that were advised.
        self._advised: set[tuple[int, ...]] = set()

    def speedups(self) -> list[float]:
        """What similar problems gained, the default's 1 if nothing."""
        return [max(1.0, best.speedup) for best in self._experience.similar(self._problem)]

    def promised(self) -> float:
        """The best speed-up in a similar problem of what was not advised yet; 1 if everything was."""
        return max(self._left().values(), default=1.0)

    def rows(self, count: int) -> list[int]:
        """Up to `count` rows, different ones, that were not advised before. The nearest problem's come first."""
        found: dict[int, None] = {}
        for point in self._left():
            if len(found) < count:
                self._advised.add(point)
                found[self._nearest(point)] = None
        return list(found)

    def _left(self) -> dict[tuple[int, ...], float]:
        """The points that gained in similar problems and were not advised, as they are here, and their speed-ups."""
        found: dict[tuple[int, ...], float] = {}
        for best in self._experience.similar(self._problem):
            if best.speedup > 1.0 and best.point.keys() == set(self._names):
                point = tuple(self._translated(name, best) for name in self._names)
                if point not in self._advised:
                    found[point] = max(found.get(point, 1.0), best.speedup)
        return found

    def _translated(self, knob: str, best: Best) -> int:
        """The value of a knob here. A tile that is a whole loop there is one here, too."""
        value, loop = best.point[knob], LOOP_OF_KNOB.search(knob)
        is_whole = loop is not None and loop[1] in best.extents and value >= best.extents[loop[1]]
        return self._extents[loop[1]] if loop is not None and is_whole else value

    def _nearest(self, point: Sequence[int]) -> int:
        """The row that is nearest to a point, by the ratios of its values."""
        off = np.zeros(len(self._pool))
        for column, value in zip(self._pool.rows.T, point, strict=True):
            off += np.abs(np.log2((1 + np.abs(column)) / (1 + abs(value))))
        return int(off.argmin())


def _family_of(problem: str) -> str:
    """What a problem shares with those that it learns from: its kind, the roles of its loops, and its types.

    The form has the operands' maps and the computation as well. Products with different epilogues are one family.
    """
    form, _ = form_of(problem)
    kind, roles, operands, _ = form.split(" | ")
    return " | ".join((kind, roles, *(operand.partition(" ")[0] for operand in operands.split("; "))))


def _distance(extents: Mapping[str, int], others: Mapping[str, int]) -> float:
    return sum(abs(math.log2((1 + extent) / (1 + others[loop]))) for loop, extent in extents.items())

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The values of this package: knobs, rules, a space of them, and the pool of its solutions."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import SupportsIndex, overload

import numpy as np
import numpy.typing as npt
import z3

from tuner.constraints.errors import ConstraintError
from tuner.constraints.evaluation import Graph

# The largest value of a knob: pools hold integers of 64 bits.
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Knob:
    """An integer choice: its name and the finite, ordered set of values it may take.

    A choice among names is a choice among their numbers: `Knob("layout", (0, 1))`.
    Raises ConstraintError for a name that is no text, and for a domain that is no tuple of different integers.
    """

    name: str
    domain: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ConstraintError(f"a knob's name is text, not {self.name!r}")
        if not isinstance(self.domain, tuple):
            kind = type(self.domain).__name__
            raise ConstraintError(
                f"knob '{self.name}' takes a tuple of integers, not a {kind}; write tuple(…) around it"
            )
        for value in self.domain:
            if not isinstance(value, int) or isinstance(value, bool):
                raise ConstraintError(
                    f"knob '{self.name}' takes integers, not {value!r} ({type(value).__name__}); number such choices"
                )
            if not -_MOST <= value <= _MOST:
                raise ConstraintError(f"knob '{self.name}' takes integers of 64 bits, not {value}")
        if not self.domain:
            raise ConstraintError(f"knob '{self.name}' has an empty domain; give it a value")
        if len(set(self.domain)) != len(self.domain):
            raise ConstraintError(f"knob '{self.name}' names a value twice: {self.domain}")

    @property
    def var(self) -> z3.ArithRef:
        """The z3 integer that stands for this knob in a rule."""
        return z3.Int(self.name)


@dataclass(frozen=True, slots=True)
class Rule:
    """A named assertion over knobs. Users read the name if no point satisfies it.

    `source` states the rule's origin: a compiler's check, a paper, a measurement.
    """

    name: str
    assertion: z3.BoolRef
    source: str = ""


@dataclass(frozen=True, slots=True)
class Space:
    """Knobs and the rules that their values must satisfy together.

    `cases`: spaces of the same knobs, in the same order, whose solutions together are those of this one; it is solved
    case by case then. `graph` holds what has been read of the rules so far: reading z3's expressions is slow, so it is
    done once.
    """

    knobs: tuple[Knob, ...]
    rules: tuple[Rule, ...] = ()
    graph: Graph = field(default_factory=Graph, repr=False, compare=False)
    cases: tuple[Space, ...] = ()

    def __post_init__(self) -> None:
        if not self.knobs:
            raise ConstraintError("a space needs at least one knob")
        names = [knob.name for knob in self.knobs]
        if len(set(names)) != len(names):
            raise ConstraintError(f"two knobs share a name: {sorted(names)}")

    @property
    def size_unconstrained(self) -> int:
        """The number of points of the full product of the domains, of each case if there are cases."""
        if self.cases:
            return sum(case.size_unconstrained for case in self.cases)
        size = 1
        for knob in self.knobs:
            size *= len(knob.domain)
        return size


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Solutions of a space, one row each.

    `rows` has shape [solutions, knobs]; column j holds the values of `knobs[j]`. `is_exact`: these are all solutions,
    not a sample of them.

    A pool is a sequence of points: `len(pool)`, `pool[0]`, `pool[-1]`, `for point in pool`. A slice is a pool of these
    rows, and a table is `pandas.DataFrame(list(pool))`.
    """

    knobs: tuple[Knob, ...]
    rows: npt.NDArray[np.int64]
    is_exact: bool = True

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __iter__(self) -> Iterator[dict[str, int]]:
        return (self.point(row) for row in range(len(self)))

    @overload
    def __getitem__(self, row: SupportsIndex) -> dict[str, int]: ...

    @overload
    def __getitem__(self, row: slice) -> Pool: ...

    def __getitem__(self, row: SupportsIndex | slice) -> dict[str, int] | Pool:
        if isinstance(row, slice):
            rows = self.rows[row]
            return Pool(self.knobs, rows, self.is_exact and len(rows) == len(self))
        number = operator.index(row)
        if not -len(self) <= number < len(self):
            raise IndexError(f"the pool has {len(self)} rows, there is no row {number}")
        return self.point(number)

    def point(self, row: int) -> dict[str, int]:
        """Solution number `row` as a mapping from knob name to value."""
        return {knob.name: int(value) for knob, value in zip(self.knobs, self.rows[row], strict=True)}

    def find(self, point: Mapping[str, int]) -> int | None:
        """The row that holds exactly this point, or None."""
        wanted = np.array([point[knob.name] for knob in self.knobs], dtype=np.int64)
        hits = np.flatnonzero((self.rows == wanted).all(axis=1))
        return int(hits[0]) if hits.size else None

    def features(self) -> npt.NDArray[np.float64]:
        """Coordinates for distances between solutions, each knob scaled to [0, 1].

        Shape [solutions, knobs]. Tile sizes act by ratio, so knobs are taken logarithmically (log2(1 + value)) before
        scaling, unless a value is below -1. With -1, which stands for none, it is log2(2 + value).
        """
        columns: list[npt.NDArray[np.float64]] = []
        for index, knob in enumerate(self.knobs):
            values = self.rows[:, index].astype(np.float64)
            domain = np.array(knob.domain, dtype=np.float64)
            if domain.min() >= -1:
                shift = 2 if domain.min() < 0 else 1
                values, domain = np.log2(shift + values), np.log2(shift + domain)
            span = domain.max() - domain.min()
            columns.append((values - domain.min()) / span if span > 0 else np.zeros_like(values))
        return np.stack(columns, axis=1)

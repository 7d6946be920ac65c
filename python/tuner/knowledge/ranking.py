# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranks a pool by what was measured of other problems, on any device, and what was measured here of similar ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool
from tuner.dispatch import Problem, form_of
from tuner.knowledge.analytic import Analytic, serves
from tuner.knowledge.records import RecordedPool, read_records, shipped_records
from tuner.knowledge.traits import Machine, Shape, masked, traits
from tuner.search.models.expectation import LOOP_OF_KNOB
from tuner.search.models.predicted import Predicted
from tuner.search.models.taught import Described, Lesson, Taught
from tuner.targets import Limits

# How much a row counts of a problem of the same form, and of one of the same kind.
_SAME_FORM, _SAME_KIND = 4.0, 1.0
# Rows that are learnt from: fitting this many takes less than a second.
_MOST_ROWS = 3_000
# Rows of problems of the same form with the same knobs that are enough by themselves.
_ENOUGH_ROWS = 100
# Rows of a larger pool that are drawn at random: the best is sought among them.
_SOUGHT = 20_000
# Stands for a knob that a recorded pool lacks.
_LACKING = -1.0
# How much of the time of idle processors and of remainders the rule of thumb counts; trees learn the rest. With 0.2 to
# 0.5 the first eight candidates of recorded pools are better than with 0 or 1 (benchmarks/few_shot.py).
_SHARE = 0.3
# The logarithm of a time that masked vectors cost by it. With 0.3 the first eight candidates of recorded products that
# leave remainders are better than with 0 (benchmarks/few_shot.py).
_MASKED = 0.3
# Knobs that are younger than records that ship: 0 is what they stand for there.
_YOUNGER = frozenset(("along_columns",))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known before anything is measured: recorded pools, and the formula if `has_formula`."""

    records: tuple[RecordedPool, ...] = ()
    has_formula: bool = False

    @staticmethod
    def of(files: Sequence[Path] | None) -> Knowledge:
        """What files of records say; None stands for those that ship. Raises InputError for a file that is none."""
        records = shipped_records() if files is None else tuple(pool for path in files for pool in read_records(path))
        return Knowledge(records, has_formula=True)

    def rank(
        self, problem: Problem, pool: Pool, limits: Limits, target: str, rng: np.random.Generator
    ) -> Predicted | None:
        """As the function `rank`."""
        if not self.records and not self.has_formula:
            return None
        found = rank(problem.key, pool, Machine.of(limits), target, self.records, rng)
        return found if self.has_formula or not isinstance(found, Analytic) else None


def rank(
    problem: str,
    pool: Pool,
    machine: Machine,
    target: str,
    records: Iterable[RecordedPool],
    rng: np.random.Generator,
) -> Predicted | None:
    """What is known of a pool: records of problems of its kind on such a target, else the formula if it serves.

    `problem`: its key. `target`: without a chip. Records of that very problem are used as well. Those nearest to it
    come first if there are many: of its form, then of its kind. None if nothing is known.
    """
    if not len(pool):
        return None
    shape = Shape.of(problem)
    sought = np.arange(len(pool))
    if len(pool) > _SOUGHT:
        sought = np.sort(rng.choice(sought, _SOUGHT, replace=False))
    lessons = _lessons(problem, shape, pool, target, records, rng)
    if not lessons:
        return Analytic(problem, pool, machine, target, sought) if serves(shape.kind, target) else None
    knobs = [knob.name for knob in pool.knobs]

    def describe(rows: npt.NDArray[np.int64]) -> Described:
        return _described(shape, knobs, knobs, pool.rows[rows], machine)

    return Taught(lessons, describe, sought, rng)


def _lessons(
    problem: str,
    shape: Shape,
    pool: Pool,
    target: str,
    records: Iterable[RecordedPool],
    rng: np.random.Generator,
) -> list[Lesson]:
    """What records teach, the nearest first, until there is enough."""
    form, _ = form_of(problem)
    knobs = [knob.name for knob in pool.knobs]
    alike = [record for record in records if record.target == target and Shape.of(record.problem).kind == shape.kind]
    closest = sorted(alike, key=lambda record: _distance(shape, form, record))
    own = [record for record in closest if record.form == form and _has_knobs(record, knobs)]
    if sum(len(record.rows) for record in own) >= _ENOUGH_ROWS:
        closest = own
    elif target == "cpu" and not any(record.form == form for record in closest):
        # On CPUs the formula ranks a new form better than trees that know other forms alone (benchmarks/few_shot.py).
        return []
    lessons: list[Lesson] = []
    left = _MOST_ROWS
    for record in closest:
        if left <= 0:
            break
        lesson = _lesson(record, knobs, form, left, rng)
        left -= len(lesson.times)
        lessons.append(lesson)
    return lessons


def _has_knobs(record: RecordedPool, knobs: Sequence[str]) -> bool:
    """Whether a record has these knobs, but for those that are younger."""
    return list(record.knobs) == [name for name in knobs if name in record.knobs or name not in _YOUNGER]


def _described(
    shape: Shape, wanted: Sequence[str], knobs: Sequence[str], rows: npt.NDArray[np.int64], machine: Machine
) -> Described:
    """Traits of rows, then logarithms of the `wanted` knobs, and of the steps of tiles through loops.

    A pool may lack some of the knobs. `knobs` are those of the pool that the rows are from, shape [rows, knobs].
    """
    values = rows.astype(np.float64)
    found = traits(shape, knobs, values, machine)
    columns = list(found.values())
    place = {name: column for column, name in enumerate(knobs)}
    lacking, absent = np.full(len(rows), _LACKING), np.zeros(len(rows))
    for name in wanted:
        value = np.abs(values[:, place[name]]) if name in place else absent if name in _YOUNGER else None
        columns.append(lacking if value is None else np.log2(1 + value))
        if loop := LOOP_OF_KNOB.search(name):
            if value is None or loop[1] not in shape.names:
                columns.append(lacking)
            else:
                extent = shape.extents[shape.names.index(loop[1])]
                columns.append(np.log2(np.ceil(extent / np.maximum(value, 1))))
    expected = _SHARE * np.log(2) * (found["waste"] - found["fill"]) + _MASKED * masked(shape, knobs, values)
    return Described(np.column_stack(columns), expected)


def _lesson(record: RecordedPool, knobs: Sequence[str], form: str, most: int, rng: np.random.Generator) -> Lesson:
    """What a record teaches, at most that many rows."""
    kept = np.arange(len(record.rows))
    if len(kept) > most:
        kept = np.sort(rng.choice(kept, most, replace=False))
    described = _described(Shape.of(record.problem), knobs, record.knobs, record.rows[kept], record.machine)
    return Lesson(described, record.times_s[kept], _SAME_FORM if record.form == form else _SAME_KIND)


def _distance(shape: Shape, form: str, record: RecordedPool) -> tuple[bool, float]:
    """How far a recorded problem is: whether it has another form, then the ratio of the sizes."""
    here, there = Shape.of(record.problem), shape
    ratio = float(np.log2(here.extents).sum() - np.log2(there.extents).sum())
    return record.form != form, abs(ratio)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact enumeration: the same set that z3 gives by blocking clauses, found column by column.

Knobs are joined one at a time. As soon as the last knob of a rule is joined, the rule prunes the rows, so
rows that cannot be completed are dropped before they multiply. Tests prove the equality with z3.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import z3

from tuner.constraints.errors import ConstraintError
from tuner.constraints.evaluation import Column, Graph, division_by_zero
from tuner.constraints.space import Knob, Pool, Rule, Space

_CHUNK_ROWS = 1_000_000
# Rows. Products of domains up to this size are tried before any knob is joined.
_NARROWING_ROWS = 50_000


class SpaceTooLargeError(ConstraintError):
    """There are more solutions, or rows on the way to them, than the limit, or they take longer than allowed."""


def enumerate_space(space: Space, *, max_rows: int = 5_000_000, timeout_s: float = 60.0) -> Pool:
    """Every solution of `space`, in lexicographic order of the domains.

    Raises SpaceTooLargeError if more than `max_rows` rows would have to be kept at once or `timeout_s` seconds are
    over. Raises ConstraintError for a rule over an unknown knob, and for one whose verdict depends on a division by
    zero at a point that no other rule excludes.
    """
    deadline = time.monotonic() + timeout_s
    if space.cases:
        return _of_cases(space, max_rows, deadline)
    parts = _parts(space)
    known = {knob.name for knob in space.knobs}
    for part in parts:
        if unknown := part.names - known:
            raise ConstraintError(f"rule '{part.rule.name}' uses {sorted(unknown)}, which is no knob of this space")
    empty = Pool(space.knobs, np.zeros((0, len(space.knobs)), dtype=np.int64))
    if any(not _holds(part, {}, 1)[0] for part in parts if not part.names):
        return empty

    suspects: list[_Part] = []
    pending = [part for part in parts if part.names]
    domains: dict[str, Column] = {}
    for knob in space.knobs:
        alone = [part for part in pending if part.names == {knob.name}]
        start = _Table({knob.name: np.array(knob.domain, dtype=np.int64)}, len(knob.domain))
        table = _filtered(start, alone, suspects)
        if table.rows == 0:
            return empty
        domains[knob.name] = table.columns[knob.name]
    pending = [part for part in pending if len(part.names) > 1]
    domains = _narrowed(domains, pending)
    if any(len(domain) == 0 for domain in domains.values()):
        return empty

    table = _Table({}, 1)
    while len(table.columns) < len(space.knobs):
        name, definition = _next_knob(domains, pending, table)
        joined = table.columns.keys() | {name}
        ready = [part for part in pending if part.names <= joined and part is not definition]
        pending = [part for part in pending if not part.names <= joined]
        if definition is None:
            table = _join(table, name, domains[name], ready, suspects, max_rows, deadline)
        else:
            table = _compute(table, name, domains[name], definition, ready, suspects)
        if table.rows == 0:
            return empty
    for part in suspects:
        undefined = part.graph.evaluate(part.node, table.columns).undefined
        if undefined is not None and undefined.any():
            raise division_by_zero(part.rule.assertion)
    return _sorted(space, np.stack([table.columns[knob.name] for knob in space.knobs], axis=1))


def _of_cases(space: Space, max_rows: int, deadline: float) -> Pool:
    """The solutions of all cases."""
    found: list[Pool] = []
    for case in space.cases:
        left = max_rows - sum(map(len, found))
        found.append(enumerate_space(case, max_rows=left, timeout_s=deadline - time.monotonic()))
    return _sorted(space, np.concatenate([pool.rows for pool in found]))


def _sorted(space: Space, rows: npt.NDArray[np.int64]) -> Pool:
    """A pool of these rows, in lexicographic order of the domains."""
    ranks = np.stack([_rank(knob, rows[:, index]) for index, knob in enumerate(space.knobs)])
    return Pool(space.knobs, rows[np.lexsort(ranks[::-1])])


class _Table(NamedTuple):
    """Partial solutions: a column for each knob joined so far, and their number."""

    columns: dict[str, Column]
    rows: int

    def where(self, keep: Column) -> _Table:
        return _Table({name: column[keep] for name, column in self.columns.items()}, int(keep.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A conjunct of a rule: its node and knobs, and the node of each knob that it defines (`x == …` defines x)."""

    rule: Rule
    graph: Graph
    node: int
    names: frozenset[str]
    defines: Mapping[str, int]


def _parts(space: Space) -> list[_Part]:
    """The rules, split at their top-level conjunctions, since parts prune earlier."""
    graph = space.graph
    parts: list[_Part] = []
    for rule in space.rules:
        stack = [graph.add(rule.assertion)]
        while stack:
            node = stack.pop()
            if graph.kinds[node] == z3.Z3_OP_AND:
                stack.extend(graph.args[node])
            else:
                parts.append(_Part(rule, graph, node, graph.names[node], _definitions(graph, node)))
    return parts


def _definitions(graph: Graph, node: int) -> dict[str, int]:
    """The knobs that an equality determines from its others."""
    if graph.kinds[node] != z3.Z3_OP_EQ:
        return {}
    found = {}
    for one, other in (graph.args[node], graph.args[node][::-1]):
        if graph.kinds[one] == z3.Z3_OP_UNINTERPRETED:
            (name,) = graph.names[one]
            if name not in graph.names[other]:
                found[name] = other
    return found


def _narrowed(domains: Mapping[str, Column], parts: list[_Part]) -> dict[str, Column]:
    """The domains without the values that the rules over a few small domains already exclude."""
    narrow = dict(domains)
    groups = {part.names for part in parts}
    while groups:
        names = min(groups, key=lambda names: math.prod(len(narrow[name]) for name in names))
        groups.remove(names)
        shape = [len(narrow[name]) for name in names]
        if math.prod(shape) > _NARROWING_ROWS:
            break
        grids = np.meshgrid(*(narrow[name] for name in names), indexing="ij")
        columns = {name: grid.ravel() for name, grid in zip(names, grids, strict=True)}
        inside = [part for part in parts if part.names <= names]
        table = _filtered(_Table(columns, math.prod(shape)), inside, [])
        if table.rows < math.prod(shape):
            narrow.update({name: np.unique(table.columns[name]) for name in names})
    return narrow


def _next_knob(domains: Mapping[str, Column], pending: list[_Part], table: _Table) -> tuple[str, _Part | None]:
    """Greedy: a knob that the joined ones determine, otherwise the one that is expected to multiply the rows least."""
    left = [name for name in domains if name not in table.columns]
    for part in pending:
        for name in part.defines:
            if name in left and part.names - {name} <= table.columns.keys():
                return name, part

    def cost(name: str) -> tuple[float, int, int]:
        joined = table.columns.keys() | {name}
        completed = sum(1 for part in pending if name in part.names and part.names <= joined)
        touched = sum(1 for part in pending if name in part.names and part.names & table.columns.keys())
        # A rule is assumed to let half of the rows pass.
        return (math.log2(len(domains[name])) - completed, -touched, len(domains[name]))

    return min(left, key=cost), None


def _holds(part: _Part, columns: Mapping[str, Column], rows: int) -> tuple[Column, bool]:
    """Which rows the part lets pass, and whether it has no verdict on some of them (those pass)."""
    verdict = part.graph.evaluate(part.node, columns)
    keep = verdict.column.astype(bool)
    if verdict.undefined is not None and verdict.undefined.any():
        return np.broadcast_to(keep | verdict.undefined, (rows,)), True
    return np.broadcast_to(keep, (rows,)), False


def _filtered(table: _Table, parts: list[_Part], suspects: list[_Part]) -> _Table:
    for part in parts:
        if table.rows == 0:
            break
        keep, suspect = _holds(part, table.columns, table.rows)
        if suspect and part not in suspects:
            suspects.append(part)
        if not keep.all():
            table = table.where(keep)
    return table


def _compute(
    table: _Table, name: str, domain: Column, definition: _Part, ready: list[_Part], suspects: list[_Part]
) -> _Table:
    """Each row with the one value that the definition gives it, if that lies in the domain."""
    value = definition.graph.evaluate(definition.defines[name], table.columns)
    if value.undefined is not None and value.undefined.any():
        # Without a value the definition decides nothing: every value of the domain is tried.
        return _join(table, name, domain, [definition, *ready], suspects, table.rows * len(domain), math.inf)
    column = np.broadcast_to(value.column, (table.rows,))
    table = _Table({**table.columns, name: column}, table.rows).where(np.isin(column, domain))
    table.columns[name] = table.columns[name].astype(np.int64)
    return _filtered(table, ready, suspects)


def _join(
    table: _Table,
    name: str,
    domain: Column,
    ready: list[_Part],
    suspects: list[_Part],
    max_rows: int,
    deadline: float,
) -> _Table:
    """Each row with each value of the knob, where the rules hold; in chunks, so that what is pruned costs no memory."""
    step = max(1, _CHUNK_ROWS // len(domain))
    found: list[_Table] = []
    kept = 0
    for start in range(0, table.rows, step):
        rows = min(step, table.rows - start)
        columns = {
            known: np.repeat(column[start : start + rows], len(domain)) for known, column in table.columns.items()
        }
        columns[name] = np.tile(domain, rows)
        part = _filtered(_Table(columns, rows * len(domain)), ready, suspects)
        kept += part.rows
        if kept > max_rows:
            raise SpaceTooLargeError(
                f"joining knob '{name}' keeps more than {max_rows} rows; narrow the domains or add a rule"
            )
        if time.monotonic() > deadline:
            raise SpaceTooLargeError(f"time ran out while joining knob '{name}'; narrow the domains or add a rule")
        if part.rows:
            found.append(part)
    if not found:
        return _Table({}, 0)
    return _Table({known: np.concatenate([part.columns[known] for part in found]) for known in found[0].columns}, kept)


def _rank(knob: Knob, column: Column) -> Column:
    """Numbers that sort the column's values in the order of the domain."""
    if all(value < following for value, following in itertools.pairwise(knob.domain)):
        return column
    positions = {value: index for index, value in enumerate(knob.domain)}
    values, inverse = np.unique(column, return_inverse=True)
    return np.array([positions[int(value)] for value in values])[inverse]

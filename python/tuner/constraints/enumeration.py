# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact enumeration: the same set that z3 gives by blocking clauses, found column by column.

Knobs are joined one at a time. As soon as the last knob of a rule is joined, the rule prunes the rows, so
rows that cannot be completed are dropped before they multiply. Tests prove the equality with z3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import z3

from tuner.constraints.evaluation import Column, evaluate, variables
from tuner.constraints.space import ConstraintError, Knob, Pool, Rule, Space

_CHUNK_ROWS = 1_000_000


class SpaceTooLargeError(ConstraintError):
    """The solutions, or the rows on the way to them, are more than the limit."""


def enumerate_space(space: Space, *, max_rows: int = 5_000_000) -> Pool:
    """Every solution of `space`, in lexicographic order of the domains.

    Raises SpaceTooLargeError when more than `max_rows` rows would have to be kept at once, and ConstraintError for
    a rule that speaks of an unknown knob.
    """
    pending = _conjuncts(space)
    known = {knob.name for knob in space.knobs}
    for rule, names in pending:
        if unknown := names - known:
            raise ConstraintError(f"rule '{rule.name}' speaks of {sorted(unknown)}, which is no knob of this space")

    table = _Table({}, 1)
    for knob in _join_order(space.knobs, [names for _, names in pending]):
        joined = table.columns.keys() | {knob.name}
        ready = [rule for rule, names in pending if names <= joined]
        pending = [(rule, names) for rule, names in pending if not names <= joined]
        table = _join(table, knob, ready, max_rows)
        if table.rows == 0:
            return Pool(space.knobs, np.zeros((0, len(space.knobs)), dtype=np.int64))
    matrix = np.stack([table.columns[knob.name] for knob in space.knobs], axis=1)
    ranks = np.stack([_rank(knob, table.columns[knob.name]) for knob in space.knobs])
    return Pool(space.knobs, matrix[np.lexsort(ranks[::-1])])


class _Table(NamedTuple):
    """Partial solutions: a column for each knob joined so far, and their number."""

    columns: dict[str, Column]
    rows: int


def _join(table: _Table, knob: Knob, rules: list[Rule], max_rows: int) -> _Table:
    """Each row with each value of the knob, where the rules hold; in chunks, so that what is pruned costs no memory."""
    domain = np.array(knob.domain, dtype=np.int64)
    step = max(1, _CHUNK_ROWS // len(domain))
    parts: list[_Table] = []
    kept = 0
    for start in range(0, table.rows, step):
        rows = min(step, table.rows - start)
        columns = {name: np.repeat(column[start : start + rows], len(domain)) for name, column in table.columns.items()}
        columns[knob.name] = np.tile(domain, rows)
        rows *= len(domain)
        for rule in rules:
            keep = np.broadcast_to(evaluate(rule.assertion, columns).astype(bool), (rows,))
            columns = {name: column[keep] for name, column in columns.items()}
            rows = int(keep.sum())
            if rows == 0:
                break
        kept += rows
        if kept > max_rows:
            raise SpaceTooLargeError(
                f"joining knob '{knob.name}' keeps more than {max_rows} rows; narrow the domains or add a rule"
            )
        if rows:
            parts.append(_Table(columns, rows))
    if not parts:
        return _Table({}, 0)
    return _Table({name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}, kept)


def _conjuncts(space: Space) -> list[tuple[Rule, frozenset[str]]]:
    """The rules split at their top-level conjunctions, each part with its knobs: parts prune earlier."""
    parts: list[tuple[Rule, frozenset[str]]] = []
    for rule in space.rules:
        stack = [rule.assertion]
        while stack:
            node = stack.pop()
            if z3.is_and(node):
                stack.extend(node.children())
            else:
                parts.append((Rule(rule.name, node, rule.source), variables(node)))
    return parts


def _join_order(knobs: tuple[Knob, ...], rules: list[frozenset[str]]) -> list[Knob]:
    """Greedy: next comes the knob that completes the most rules, then the one of the smallest domain."""
    left = list(knobs)
    joined: set[str] = set()
    order: list[Knob] = []
    while left:

        def cost(knob: Knob) -> tuple[int, int, int]:
            after = joined | {knob.name}
            completed = sum(1 for names in rules if knob.name in names and names <= after)
            touched = sum(1 for names in rules if knob.name in names and names & joined)
            return (-completed, -touched, len(knob.domain))

        best = min(left, key=cost)
        left.remove(best)
        joined.add(best.name)
        order.append(best)
    return order


def _rank(knob: Knob, column: Column) -> Column:
    positions = {value: index for index, value in enumerate(knob.domain)}
    values, inverse = np.unique(column, return_inverse=True)
    return np.array([positions[int(value)] for value in values])[inverse]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact enumeration: the same set that z3 gives by blocking clauses, found column by column.

Knobs are joined one at a time. As soon as the last knob of a rule is joined, the rule prunes the rows, so
rows that cannot be completed are dropped before they multiply. Tests prove the equality with z3.
"""

from __future__ import annotations

import numpy as np
import z3

from tuner.constraints.evaluation import Column, evaluate, variables
from tuner.constraints.space import ConstraintError, Knob, Pool, Rule, Space


class SpaceTooLargeError(ConstraintError):
    """The solutions, or the rows on the way to them, are more than the limit."""


def enumerate_space(space: Space, *, max_rows: int = 5_000_000) -> Pool:
    """Every solution of `space`, in lexicographic order of the domains.

    Raises SpaceTooLargeError when more than `max_rows` rows would be held at once, and ConstraintError for a rule
    that speaks of an unknown knob.
    """
    pending = _conjuncts(space)
    known = {knob.name for knob in space.knobs}
    for rule, names in pending:
        if unknown := names - known:
            raise ConstraintError(
                f"rule '{rule.name}' speaks of {sorted(unknown)}, which no knob of this space is named"
            )

    columns: dict[str, Column] = {}
    rows = 1
    for knob in _join_order(space.knobs, [names for _, names in pending]):
        if rows * len(knob.domain) > max_rows:
            raise SpaceTooLargeError(
                f"joining knob '{knob.name}' gives {rows * len(knob.domain)} rows, over the limit of"
                f" {max_rows}; narrow the domains or add a rule"
            )
        columns = {name: np.repeat(column, len(knob.domain)) for name, column in columns.items()}
        columns[knob.name] = np.tile(np.array(knob.domain, dtype=np.int64), rows)
        rows *= len(knob.domain)
        ready = [(rule, names) for rule, names in pending if names <= columns.keys()]
        pending = [(rule, names) for rule, names in pending if not names <= columns.keys()]
        for rule, _ in ready:
            keep = np.broadcast_to(evaluate(rule.assertion, columns).astype(bool), (rows,))
            columns = {name: column[keep] for name, column in columns.items()}
            rows = int(keep.sum())
            if rows == 0:
                return Pool(space.knobs, np.zeros((0, len(space.knobs)), dtype=np.int64))
    matrix = np.stack([columns[knob.name] for knob in space.knobs], axis=1)
    ranks = np.stack([_rank(knob, columns[knob.name]) for knob in space.knobs])
    return Pool(space.knobs, matrix[np.lexsort(ranks[::-1])])


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

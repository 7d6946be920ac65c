# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Enumeration gives exactly the set that z3 and brute force give."""

from __future__ import annotations

import itertools

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.constraints import ConstraintError, Knob, Rule, Space, SpaceTooLargeError, enumerate_space


def z3_solutions(space: Space) -> set[tuple[int, ...]]:
    """Every solution by blocking clauses, the slow way that enumeration replaces."""
    solver = z3.Solver()
    for knob in space.knobs:
        solver.add(z3.Or([knob.var == value for value in knob.domain]))
    solver.add([rule.assertion for rule in space.rules])
    found = set()
    while (answer := solver.check()) == z3.sat:
        model = solver.model()
        point = tuple(model.eval(knob.var, model_completion=True).as_long() for knob in space.knobs)
        found.add(point)
        solver.add(z3.Or([knob.var != value for knob, value in zip(space.knobs, point, strict=True)]))
    assert answer == z3.unsat
    return found


def rows(space: Space) -> list[tuple[int, ...]]:
    return [tuple(row) for row in enumerate_space(space).rows.tolist()]


NAMES = ("a", "b", "c")
INTEGERS: st.SearchStrategy[z3.ArithRef] = st.deferred(
    lambda: (
        st.sampled_from(NAMES).map(z3.Int)
        | st.integers(-6, 6).map(z3.IntVal)
        | st.tuples(st.sampled_from(("+", "-", "*", "/", "%")), INTEGERS, INTEGERS).map(_arithmetic)
        | st.tuples(BOOLEANS, INTEGERS, INTEGERS).map(lambda parts: z3.If(*parts))
    )
)
BOOLEANS: st.SearchStrategy[z3.BoolRef] = st.deferred(
    lambda: (
        st.tuples(st.sampled_from(("<", "<=", "==", "!=")), INTEGERS, INTEGERS).map(_comparison)
        | st.tuples(BOOLEANS, BOOLEANS).map(lambda parts: z3.And(*parts))
        | st.tuples(BOOLEANS, BOOLEANS).map(lambda parts: z3.Or(*parts))
        | st.tuples(BOOLEANS, BOOLEANS).map(lambda parts: z3.Implies(*parts))
        | BOOLEANS.map(z3.Not)
    )
)


def _arithmetic(parts: tuple[str, z3.ArithRef, z3.ArithRef]) -> z3.ArithRef:
    operator, a, b = parts
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "%": lambda: a % b}[
        operator
    ]()


def _comparison(parts: tuple[str, z3.ArithRef, z3.ArithRef]) -> z3.BoolRef:
    operator, a, b = parts
    return {"<": lambda: a < b, "<=": lambda: a <= b, "==": lambda: a == b, "!=": lambda: a != b}[operator]()


def some_divisor_is_zero(space: Space) -> bool:
    """Whether a division or remainder in the rules has, at some point, a divisor that is zero or has no value."""
    divisors = []
    stack = [rule.assertion for rule in space.rules]
    while stack:
        node = stack.pop()
        stack.extend(node.children())
        if z3.is_app(node) and node.decl().kind() in (z3.Z3_OP_IDIV, z3.Z3_OP_MOD):
            divisors.append(node.arg(1))
    for point in itertools.product(*(knob.domain for knob in space.knobs)):
        values = [(knob.var, z3.IntVal(value)) for knob, value in zip(space.knobs, point, strict=True)]
        for divisor in divisors:
            value = z3.simplify(z3.substitute(divisor, values))
            if not z3.is_int_value(value) or value.as_long() == 0:
                return True
    return False


def brute_force(space: Space) -> list[tuple[int, ...]] | None:
    """Substitutes every point into the rules and lets z3 simplify; None where a division by zero decides."""
    kept = []
    for point in itertools.product(*(knob.domain for knob in space.knobs)):
        values = [(knob.var, z3.IntVal(value)) for knob, value in zip(space.knobs, point, strict=True)]
        verdicts = [z3.simplify(z3.substitute(rule.assertion, values)) for rule in space.rules]
        if any(z3.is_false(verdict) for verdict in verdicts):
            continue
        if not all(z3.is_true(verdict) for verdict in verdicts):
            return None
        kept.append(point)
    return kept


@settings(max_examples=150, deadline=None)
@given(
    domains=st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=4, unique=True), min_size=3, max_size=3),
    rules=st.lists(BOOLEANS, max_size=3),
)
def test_random_spaces_equal_brute_force(domains: list[list[int]], rules: list[z3.BoolRef]) -> None:
    knobs = tuple(Knob(name, tuple(domain)) for name, domain in zip(NAMES, domains, strict=True))
    space = Space(knobs, tuple(Rule(f"rule {index}", rule) for index, rule in enumerate(rules)))
    expected = brute_force(space)
    try:
        found = rows(space)
    except ConstraintError as error:
        # Three-valued logic may refuse what z3 sees through (`(a / 0) * 0`), but only where there is such a division.
        assert "divides by zero" in str(error)
        assert some_divisor_is_zero(space)
        return
    if expected is not None:
        assert found == expected


def test_equals_z3_on_a_tiling_space() -> None:
    m, n, k = (Knob(name, (1, 2, 4, 8, 16, 32, 64)) for name in "mnk")
    unroll = Knob("unroll", (1, 2, 3, 4))
    space = Space(
        (m, n, k, unroll),
        (
            Rule("fits", 4 * (m.var * k.var + k.var * n.var) <= 4096),
            Rule("unrolls evenly", k.var % unroll.var == 0),
            Rule("square or wide", z3.Or(m.var == n.var, n.var / m.var >= 2)),
        ),
    )
    found = rows(space)
    assert len(found) == len(set(found)) > 100
    assert set(found) == z3_solutions(space)


def test_a_guarded_division_by_zero_is_no_error() -> None:
    c = Knob("c", (0, 3, 4))
    assert rows(Space((c,), (Rule("divides", z3.Or(c.var == 0, 64 % c.var == 0)),))) == [(0,), (4,)]


def test_an_unguarded_division_by_zero_is_an_error() -> None:
    c = Knob("c", (0, 4))
    with pytest.raises(ConstraintError, match="divides by zero"):
        enumerate_space(Space((c,), (Rule("divides", 64 % c.var == 0),)))


def test_a_division_by_zero_that_another_rule_excludes_is_no_error() -> None:
    """Whichever rule comes first: together they say what And of them says."""
    c = Knob("c", (0, 3, 4))
    rules = (Rule("divides", 64 % c.var == 0), Rule("some", c.var > 0))
    assert rows(Space((c,), rules)) == rows(Space((c,), rules[::-1])) == [(4,)]


def test_a_definition_that_divides_by_zero_leaves_the_knob_open() -> None:
    a, b = Knob("a", (0, 2)), Knob("b", (3, 6))
    space = Space((a, b), (Rule("defines b", b.var == 12 / a.var), Rule("positive", a.var + b.var > 6)))
    assert rows(space) == [(2, 6)]
    with pytest.raises(ConstraintError, match="divides by zero"):
        enumerate_space(Space((a, b), (Rule("defines b", b.var == 12 / a.var),)))


def test_time_runs_out_by_name() -> None:
    knobs = tuple(Knob(f"k{index}", tuple(range(100))) for index in range(4))
    with pytest.raises(SpaceTooLargeError, match="time ran out"):
        enumerate_space(Space(knobs), max_rows=10**9, timeout_s=0.0)


def test_products_beyond_64_bits_are_exact() -> None:
    a = Knob("a", (2**40, 2**40 + 1))
    space = Space((a,), (Rule("even square", a.var * a.var * a.var % 2 == 0),))
    assert rows(space) == [(2**40,)]


def test_rows_follow_the_order_of_the_domains() -> None:
    a, b = Knob("a", (3, 1)), Knob("b", (7, 5, 6))
    assert rows(Space((a, b))) == list(itertools.product((3, 1), (7, 5, 6)))


def test_too_many_rows_are_refused_by_name() -> None:
    knobs = tuple(Knob(f"k{index}", tuple(range(100))) for index in range(4))
    with pytest.raises(SpaceTooLargeError, match=r"joining knob 'k\d'"):
        enumerate_space(Space(knobs), max_rows=10_000)


def test_a_rule_about_an_unknown_knob_is_refused() -> None:
    with pytest.raises(ConstraintError, match="'stray'"):
        enumerate_space(Space((Knob("a", (1,)),), (Rule("odd", z3.Int("stray") > 0),)))


@pytest.mark.parametrize("domain", [(), (1, 1)])
def test_a_bad_domain_is_refused(domain: tuple[int, ...]) -> None:
    with pytest.raises(ConstraintError, match="'tile'"):
        Knob("tile", domain)

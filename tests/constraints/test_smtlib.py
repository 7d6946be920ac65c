# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SMT-LIB text becomes a space with exactly the text's solutions, or is refused with the reason."""

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.constraints import (
    ConstraintError,
    Knob,
    Rule,
    Space,
    enumerate_space,
    explain_empty,
    read_smtlib,
    united,
    write_smtlib,
)

TILING = """
(declare-const extent Int) (declare-const tile Int) (declare-const unroll Int) (declare-const lanes Int)
(assert (= extent 48))
(assert (>= tile 1))
(assert (let ((rest (mod extent tile))) (= rest 0)))
(assert (and (>= unroll 1) (= (mod tile unroll) 0)))
(assert (= lanes (* tile unroll)))
(assert (<= lanes 64))
"""


def solutions_by_z3(text: str, names: list[str]) -> set[tuple[int, ...]]:
    solver = z3.Solver()
    solver.add(z3.parse_smt2_string(text))
    found = set()
    while (answer := solver.check()) == z3.sat:
        model = solver.model()
        point = tuple(model.eval(z3.Int(name), model_completion=True).as_long() for name in names)
        found.add(point)
        solver.add(z3.Or([z3.Int(name) != value for name, value in zip(names, point, strict=True)]))
    assert answer == z3.unsat
    return found


def test_the_solutions_are_z3s() -> None:
    pool = enumerate_space(read_smtlib(TILING))
    names = [knob.name for knob in pool.knobs]
    assert set(names) == {"extent", "tile", "unroll", "lanes"}
    assert {tuple(row) for row in pool.rows.tolist()} == solutions_by_z3(TILING, names)
    assert len(pool) > 10


def test_only_the_knobs_asked_for_and_what_is_free_besides_stay() -> None:
    space = read_smtlib(TILING, knobs=["unroll"])
    assert [knob.name for knob in space.knobs] == ["unroll", "lanes", "tile"]


def test_a_knob_that_no_assertion_mentions_is_refused() -> None:
    with pytest.raises(ConstraintError, match="no bound"):
        read_smtlib("(declare-const x Int) (assert (= x 1))", knobs=["free"])


def test_rules_carry_their_labels_and_explain_an_empty_space() -> None:
    text = """
    (declare-const tile Int)
    (assert (>= tile 64)) (assert (<= tile 512)) (assert (<= (* tile tile 4) 8192))
    """
    space = read_smtlib(text, labels=["at least 64", "at most 512", "shared memory fits"], source="test")
    assert len(enumerate_space(space)) == 0
    assert "shared memory fits" in explain_empty(space)
    assert space.rules[0].source == "test"


def test_contradictory_values_are_an_empty_space() -> None:
    space = read_smtlib("(declare-const x Int) (assert (= x 1)) (assert (= x 4))", labels=["one", "four"])
    assert len(enumerate_space(space)) == 0
    assert {"one", "four"} & set(explain_empty(space))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(declare-const x Int) (assert (>= x 1))", "no bound"),
        ("(declare-const x Real) (assert (> x 1.5))", "no integer"),
        ("(declare-const x Bool) (assert x)", "no integer"),
        ("(assert (forall ((y Int)) (> y 1)))", "quantifier"),
        ("(declare-fun f (Int) Int) (assert (= (f 1) 2))", "not integer or boolean arithmetic"),
        ("(assert", "cannot read"),
    ],
)
def test_what_is_no_finite_space_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConstraintError, match=says):
        read_smtlib(text)


def joined() -> Space:
    """Two spaces as one, with names and domains that SMT-LIB writes in its own way."""
    tile, sign = Knob("tile[m]", (1, 2, 3, 8, 64)), Knob("peel; (a)", (-1, 0, 1))
    tiled = Space((tile, sign), (Rule("fits; exactly", z3.Or(tile.var * tile.var <= 64, sign.var < 0), "a\ntest"),))
    return united("which", {4: tiled, 9: Space((sign,), (Rule("no sign", sign.var == 0),))})


@pytest.mark.parametrize("space", [read_smtlib(TILING), joined()], ids=["tiling", "joined"])
def test_a_space_that_is_written_has_the_same_solutions(space: Space) -> None:
    text = write_smtlib(space)
    names = [knob.name for knob in space.knobs]
    pool, again = enumerate_space(space), enumerate_space(read_smtlib(text, knobs=names))
    assert [knob.name for knob in again.knobs] == names
    found = {tuple(row) for row in again.rows.tolist()}
    assert found == {tuple(row) for row in pool.rows.tolist()} == solutions_by_z3(text, names)
    assert len(found) > 10


def test_a_name_that_cannot_be_quoted_is_refused() -> None:
    with pytest.raises(ConstraintError, match=r"no names with \| or .*, as in a\|b; rename the knob"):
        write_smtlib(Space((Knob("a|b", (1, 2)),)))


def test_labels_must_fit() -> None:
    with pytest.raises(ConstraintError, match="2 labels for 6"):
        read_smtlib(TILING, labels=["a", "b"])


def test_a_bound_that_z3_has_to_prove() -> None:
    text = """
    (declare-const a Int) (declare-const b Int)
    (assert (>= a 2)) (assert (>= b 2)) (assert (= (* a b) 2310))
    """
    pool = enumerate_space(read_smtlib(text))
    assert {tuple(row) for row in pool.rows.tolist()} == {(a, 2310 // a) for a in range(2, 1156) if 2310 % a == 0}


@settings(max_examples=40, deadline=None)
@given(extent=st.integers(1, 200), limit=st.integers(1, 300), lanes=st.sampled_from([1, 4, 8]))
def test_random_tilings_are_z3s(extent: int, limit: int, lanes: int) -> None:
    text = f"""
    (declare-const tile Int) (declare-const vector Int) (declare-const count Int)
    (assert (and (>= tile 1) (= (mod {extent} tile) 0)))
    (assert (and (>= vector 1) (= (mod tile vector) 0) (or (= vector 1) (= (mod vector {lanes}) 0))))
    (assert (= count (div {extent} tile)))
    (assert (<= (* tile vector) {limit}))
    """
    pool = enumerate_space(read_smtlib(text))
    names = [knob.name for knob in pool.knobs]
    assert {tuple(row) for row in pool.rows.tolist()} == solutions_by_z3(text, names)


@settings(max_examples=60, deadline=None)
@given(
    most=st.tuples(*[st.integers(-3, 12)] * 3),
    least=st.tuples(*[st.integers(-3, 4)] * 3),
    product=st.integers(-5, 60),
    factor=st.integers(-2, 4),
)
def test_inferred_bounds_lose_no_solution(
    most: tuple[int, ...], least: tuple[int, ...], product: int, factor: int
) -> None:
    """Products, sums and choices of constants of either sign, some of them bounded through the others alone."""
    text = f"""
    (declare-const a Int) (declare-const b Int) (declare-const c Int) (declare-const d Int)
    (assert (<= a {most[0]})) (assert (>= a {least[0]}))
    (assert (<= b {most[1]})) (assert (>= b {least[1]}))
    (assert (>= c {least[2]})) (assert (<= c 40))
    (assert (<= (* a c {factor}) {product}))
    (assert (= d (+ (* a b) (ite (= a 1) c 3))))
    """
    space = read_smtlib(text)
    pool = enumerate_space(space)
    names = [knob.name for knob in pool.knobs]
    expected = {
        (a, b, c, a * b + (c if a == 1 else 3))
        for a in range(least[0], most[0] + 1)
        for b in range(least[1], most[1] + 1)
        for c in range(least[2], 41)
        if a * c * factor <= product
    }
    columns = [names.index(name) for name in "abcd"]
    assert {tuple(row) for row in pool.rows[:, columns].tolist()} == expected


def test_definitions_and_products_bound_a_constant_without_a_proof() -> None:
    text = """
    (declare-const m Int) (declare-const n Int) (declare-const threads Int) (declare-const tile Int)
    (assert (>= m 1)) (assert (<= m 32)) (assert (>= n 1)) (assert (<= n 32)) (assert (<= (* m n) 10))
    (assert (= threads (* m n 64))) (assert (>= tile 1)) (assert (= 512 (* tile m 16)))
    """
    domains = {knob.name: knob.domain for knob in read_smtlib(text, timeout_s=1e-3).knobs}
    assert (domains["threads"][0], domains["threads"][-1]) == (64, 640)
    assert (domains["tile"][0], domains["tile"][-1]) == (1, 32)

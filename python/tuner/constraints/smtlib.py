# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a space out of SMT-LIB text, and writes one: integer constants are knobs, assertions are rules.

SMT-LIB integers have no bounds, but a knob has a finite domain. Bounds come from assertions that z3 can simplify to
`x <= 8`, or to products and sums of bounded constants. If there is none, z3 has to prove one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import z3

from tuner.constraints.asking import ask
from tuner.constraints.bounds import Interval, infer_bounds
from tuner.constraints.errors import ConstraintError
from tuner.constraints.evaluation import Graph
from tuner.constraints.space import Knob, Rule, Space

# Bounds that z3 is asked to prove, one after the other. A loose one is as good as a tight one: rules prune the rest.
_HIGHEST = tuple(2**exponent for exponent in range(10, 21))
_LOWEST = (1, 0, -(2**10), -(2**16), -(2**20))


def read_smtlib(
    text: str,
    *,
    labels: Sequence[str] = (),
    knobs: Collection[str] | None = None,
    source: str = "",
    timeout_s: float = 5.0,
) -> Space:
    """The space of all solutions of `text`.

    `labels` names the assertions, in order. `knobs` names the constants that a caller chooses; others stay in the
    space only if the assertions leave them more than one value. `timeout_s` bounds each question to z3.

    Raises ConstraintError for text that z3 does not parse, constants that are not integers, a number of labels
    that does not fit, and a constant that z3 cannot bound: `unknown` never counts as an answer.
    """
    try:
        assertions = list(z3.parse_smt2_string(text))
    except z3.Z3Exception as error:
        raise ConstraintError(f"z3 cannot read the SMT-LIB text: {error}") from error
    if labels and len(labels) != len(assertions):
        raise ConstraintError(f"{len(labels)} labels for {len(assertions)} assertions")
    names = labels or [f"assertion {index}" for index in range(len(assertions))]
    graph = Graph()
    constants = frozenset[str]().union(*(graph.names[graph.add(assertion)] for assertion in assertions))
    bounds = {name: Interval() for name in constants}
    wanted = list(knobs) if knobs is not None else []
    order = [*wanted, *sorted(bounds.keys() - set(wanted))]
    for name in wanted:
        bounds.setdefault(name, Interval())

    simplified = _propagate(assertions, bounds, graph)
    _prove_bounds(simplified, bounds, timeout_s)
    found = []
    for name in order:
        low, high = _interval(bounds[name])
        if low == high and knobs is not None and name not in wanted:
            continue
        found.append(Knob(name, tuple(range(low, high + 1))))
    rules = tuple(
        Rule(label, assertion, source)
        for label, assertion in zip(names, simplified, strict=True)
        if not z3.is_true(assertion)
    )
    return Space(tuple(found), rules, graph)


def write_smtlib(space: Space) -> str:
    """A space as SMT-LIB text, whose solutions are those of the space: a constant for each knob, then the domains and
    the rules as assertions. The names of rules and their sources stand in comments.

    Raises ConstraintError for the name of a knob that SMT-LIB cannot quote.
    """
    if unquotable := [knob.name for knob in space.knobs if set(knob.name) & set("|\\")]:
        raise ConstraintError(f"SMT-LIB has no names with | or \\, as in {', '.join(unquotable)}; rename the knob")
    lines = [f"(declare-const {knob.var.sexpr()} Int)" for knob in space.knobs]
    for knob in space.knobs:
        lines.append(_asserted(_domain(knob), f"the domain of {knob.name}"))
    for rule in space.rules:
        lines.append(_asserted(rule.assertion, f"{rule.name} ({rule.source})" if rule.source else rule.name))
    return "\n".join(lines) + "\n"


def _asserted(assertion: z3.BoolRef, comment: str) -> str:
    return f"; {' '.join(comment.split())}\n(assert {assertion.sexpr()})"


def _domain(knob: Knob) -> z3.BoolRef:
    """The knob has one of its values."""
    low, high = min(knob.domain), max(knob.domain)
    if high - low + 1 == len(knob.domain):
        return z3.And(knob.var >= low, knob.var <= high)
    return z3.Or([knob.var == value for value in knob.domain])


def _propagate(assertions: Sequence[z3.BoolRef], bounds: dict[str, Interval], graph: Graph) -> list[z3.BoolRef]:
    """The assertions simplified, with every constant of one value replaced by it, until nothing changes.

    Fills in `bounds`. An assertion that only bounds one constant stays, so that contradictory ones stay visible.
    """
    current = list(assertions)
    substituted: set[str] = set()
    is_simplified = False
    while True:
        nodes = [graph.add(assertion) for assertion in current]
        atoms = [
            atom for node in nodes for atom in (graph.args[node] if graph.kinds[node] == z3.Z3_OP_AND else (node,))
        ]
        infer_bounds(atoms, bounds, graph)
        fixed = {
            name: bound.low
            for name, bound in bounds.items()
            if name not in substituted and bound.low is not None and bound.low == bound.high
        }
        if is_simplified and not fixed:
            return current
        current = _simplified(current, [(z3.Int(name), z3.IntVal(value)) for name, value in fixed.items()])
        substituted.update(fixed)
        is_simplified = True


def _interval(bound: Interval) -> tuple[int, int]:
    """Both bounds. Contradictory ones change places: as rules they still exclude every value between."""
    assert bound.low is not None and bound.high is not None
    return min(bound.low, bound.high), max(bound.low, bound.high)


def _simplified(
    assertions: Sequence[z3.BoolRef], values: Sequence[tuple[z3.ArithRef, z3.ArithRef]]
) -> list[z3.BoolRef]:
    """The assertions with values for constants, simplified.

    All at once, as the arguments of an uninterpreted function, since a call to z3 costs as much as its work.
    """
    if not assertions:
        return []
    truth, context = z3.BoolSort(), assertions[0].ctx
    holder = z3.Function("iree_tuner.holder", *[truth] * len(assertions), truth)
    arguments = (z3.Ast * len(assertions))(*[assertion.ast for assertion in assertions])
    held = z3.BoolRef(z3.Z3_mk_app(context.ref(), holder.ast, len(assertions), arguments), context)
    held = z3.simplify(z3.substitute(held, *values) if values else held)
    app = z3.Z3_to_app(context.ref(), held.ast)
    return [z3.BoolRef(z3.Z3_get_app_arg(context.ref(), app, place), context) for place in range(len(assertions))]


def _prove_bounds(assertions: Sequence[z3.BoolRef], bounds: Mapping[str, Interval], timeout_s: float) -> None:
    """Lets z3 prove each bound that was not inferred."""
    open_low = [name for name, bound in bounds.items() if bound.low is None]
    open_high = [name for name, bound in bounds.items() if bound.high is None]
    if not open_low and not open_high:
        return
    solver = z3.SimpleSolver()
    solver.set("timeout", int(1000 * timeout_s))
    solver.add(assertions)
    for name in open_low:
        bounds[name].low = -_proved(solver, -z3.Int(name), [-low for low in _LOWEST])
    for name in open_high:
        bounds[name].high = _proved(solver, z3.Int(name), _HIGHEST)


def _proved(solver: z3.Solver, quantity: z3.ArithRef, rungs: Sequence[int]) -> int:
    """The first of these upper bounds of `quantity` that z3 proves."""
    for bound in rungs:
        solver.push()
        solver.add(quantity > bound)
        answer = ask(solver)
        why = f"z3 gave up: {solver.reason_unknown()}" if answer == z3.unknown else "it can be larger"
        solver.pop()
        if answer == z3.unsat:
            return bound
    raise ConstraintError(f"no bound {quantity} <= {rungs[-1]} follows from the assertions ({why}); add one")

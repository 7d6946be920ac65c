# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of knobs that the user fixed: a space with these values alone, and what else they may be if it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.constraints import ABSENT, ConstraintError, Knob, Space, enumerate_space, explain_empty
from tuner.dispatch import Configuration, Problem
from tuner.spaces.builder import SpaceBuilder
from tuner.targets import Limits

# Between the name of a space and that of its knob.
COLON = ":"
# Names and values that a sentence lists; of more, so many and the last.
_LISTED = 16


@dataclass(frozen=True, slots=True)
class Fix:
    """A knob that has one of these values. `space`: in the space of that name alone; "": in every one that has it."""

    knob: str
    values: tuple[int, ...]
    space: str = ""

    @staticmethod
    def all_of(fixes: Mapping[str, int | tuple[int, ...]]) -> tuple[Fix, ...]:
        """Those of `Options.fixes`."""
        found = []
        for name, values in fixes.items():
            space, _, knob = name.rpartition(COLON)
            found.append(Fix(knob, (values,) if isinstance(values, int) else values, space))
        return tuple(found)

    @property
    def name(self) -> str:
        """The knob, behind the name of its space if there is one."""
        return f"{self.space}{COLON}{self.knob}" if self.space else self.knob


@dataclass(frozen=True, slots=True)
class Fixed:
    """A space with some of its knobs fixed. A knob that it lacks is no error unless the fix names this space."""

    builder: SpaceBuilder
    fixes: tuple[Fix, ...]

    @property
    def priority(self) -> int:
        return self.builder.priority

    def serves(self, target: str, problem: Problem) -> bool:
        return self.builder.serves(target, problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        """Raises ConstraintError if a knob has none of the values that it is fixed to."""
        space = self.builder.build(problem, limits)
        for fix in self.fixes:
            space = _narrowed(space, fix)
        return space

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        return self.builder.configuration(problem, point)

    def without(self, fix: Fix) -> Fixed:
        """The same with this knob free again."""
        return Fixed(self.builder, tuple(other for other in self.fixes if other != fix))


def fixed(name: str, builder: SpaceBuilder, fixes: Sequence[Fix]) -> SpaceBuilder:
    """The space of that name with those fixes that name it or none."""
    own = tuple(fix for fix in fixes if fix.space in ("", name))
    return Fixed(builder, own) if own else builder


def original(builder: SpaceBuilder) -> SpaceBuilder:
    """The space without its fixes."""
    return builder.builder if isinstance(builder, Fixed) else builder


def why_empty(builder: SpaceBuilder, problem: Problem, limits: Limits) -> str:
    """What excludes every point of a space that has no solution; if the user fixed knobs, what else these may be.

    Raises ConstraintError if z3 gives up.
    """
    reason = f"together these exclude every point: {'; '.join(explain_empty(builder.build(problem, limits)))}"
    if not isinstance(builder, Fixed):
        return reason
    others = [
        f"{fix.name} can be {listed(values)}"
        for fix in builder.fixes
        if (values := _possible(builder.without(fix), fix.knob, problem, limits))
    ]
    if not others:
        return f"{reason}; leave out several of --fix"
    alone = " if the other knobs stay fixed" if len(builder.fixes) > 1 else ""
    return f"{reason}; {', or '.join(others)}{alone}"


def listed(values: Sequence[object]) -> str:
    """Names or values for a sentence."""
    if len(values) <= _LISTED:
        return ", ".join(map(str, values))
    return f"{', '.join(map(str, values[:_LISTED]))}, … {values[-1]}"


def _narrowed(space: Space, fix: Fix) -> Space:
    knob = next((knob for knob in space.knobs if knob.name == fix.knob), None)
    if knob is None and not fix.space:
        return space
    if knob is None:
        raise ConstraintError(
            f"there is no knob '{fix.knob}'; there are: {listed([knob.name for knob in space.knobs])}"
        )
    values = tuple(value for value in knob.domain if value in fix.values)
    if not values:
        raise ConstraintError(f"'{fix.knob}' cannot be {listed(fix.values)}; choose among: {listed(knob.domain)}")
    cases = []
    for case in space.cases:
        (own,) = (own_knob.domain for own_knob in case.knobs if own_knob.name == fix.knob)
        # A case that has not got the knob stays as it is.
        kept = own if own == (ABSENT,) else tuple(value for value in own if value in values)
        if kept:
            cases.append(_with(case, Knob(fix.knob, kept)))
    if any(ABSENT in own_knob.domain for case in cases for own_knob in case.knobs if own_knob.name == fix.knob):
        values = tuple(value for value in knob.domain if value in values or value == ABSENT)
    return replace(_with(space, Knob(fix.knob, values)), cases=tuple(cases))


def _with(space: Space, knob: Knob) -> Space:
    return replace(space, knobs=tuple(knob if old.name == knob.name else old for old in space.knobs))


def _possible(builder: Fixed, knob: str, problem: Problem, limits: Limits) -> list[int]:
    """The values of a knob that occur in solutions; none if there are too many solutions to look through."""
    try:
        pool = enumerate_space(builder.build(problem, limits))
    except ConstraintError:
        return []
    return sorted({int(value) for value in pool.rows[:, [column.name for column in pool.knobs].index(knob)]})

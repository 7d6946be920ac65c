# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether the values that the user fixed reach a dispatch of the model, and leave it something to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner import spaces
from tuner.constraints import ConstraintError, Space, explain_empty
from tuner.dispatch import Dispatch
from tuner.errors import InputError
from tuner.events import Listener, Note, nobody
from tuner.options import Options
from tuner.spaces.fixing import Fix, Fixed, listed, why_empty
from tuner.targets import Limits, Target
from tuner.tuning.flag_plan import known_flags


@dataclass(frozen=True, slots=True)
class _Free:
    """A dispatch's space as it is without fixes, and with them."""

    dispatch: Dispatch
    name: str
    space: Space
    builder: Fixed


def check_fixes(
    dispatches: Sequence[Dispatch], target: Target, limits: Limits, options: Options, listen: Listener = nobody
) -> None:
    """Raises InputError for a fix that no dispatch has a knob or a value for, and if no dispatch has a solution left.

    A note says what the fixes do not bind. The dispatches are those of the model as it was given: other flags may make
    others, which have knobs of their own.
    """
    if not options.fixes:
        return
    found = [free for dispatch in dispatches if (free := _free(dispatch, target, limits, options)) is not None]
    for fix in Fix.all_of(options.fixes):
        _check(fix, found, target)
    reached = [free for free in found if any(_knob(free, fix) is not None for fix in free.builder.fixes)]
    reasons = [reason for free in reached if (reason := _excluded(free, limits))]
    if reasons and len(reasons) == len(reached):
        raise InputError(f"--fix leaves no solution: {reasons[0]}")
    listen(Note("Candidate 0 of a dispatch is the compiler's own choice, which --fix does not bind"))


def _free(dispatch: Dispatch, target: Target, limits: Limits, options: Options) -> _Free | None:
    problem = dispatch.problem
    found = None if problem is None else spaces.find(target.name, problem, options.spaces, options.fixes)
    if problem is None or found is None:
        return None
    name, builder = found
    if not isinstance(builder, Fixed):
        return None
    try:
        return _Free(dispatch, name, builder.builder.build(problem, limits), builder)
    except ConstraintError:
        return None


def _knob(free: _Free, fix: Fix) -> tuple[int, ...] | None:
    """The values that a knob can have in a dispatch's space."""
    return next((knob.domain for knob in free.space.knobs if knob.name == fix.knob), None)


def _check(fix: Fix, found: Sequence[_Free], target: Target) -> None:
    """Raises InputError if no dispatch has such a knob, or one of its values is nowhere among the knob's."""
    meant = [free for free in found if not fix.space or fix.space == free.name]
    domains = [domain for free in meant if (domain := _knob(free, fix)) is not None]
    if not domains:
        flags = known_flags(target.name)
        if flags is not None and fix.name in {knob.name for knob in flags.knobs}:
            raise InputError(f"'{fix.name}' is a choice of flags, no knob of a dispatch; give it to --pin")
        known = dict.fromkeys(f"{free.name}: {listed([knob.name for knob in free.space.knobs])}" for free in meant)
        there = f"; there are: {'; '.join(known)}" if known else "; iree-tune space lists the spaces of its dispatches"
        raise InputError(f"no dispatch of the model has the knob '{fix.name}' that --fix names{there}")
    values = sorted(set().union(*domains))
    if strange := [value for value in fix.values if value not in values]:
        raise InputError(f"'{fix.name}' cannot be {listed(strange)}; choose among: {listed(values)}")


def _excluded(free: _Free, limits: Limits) -> str:
    """Why the fixes leave a dispatch no solution; "" if they may leave some."""
    problem = free.dispatch.problem
    assert problem is not None
    try:
        space = free.builder.build(problem, limits)
    except ConstraintError as error:
        return f"{free.dispatch.name}: {error}"
    try:
        return f"{free.dispatch.name}: {why_empty(free.builder, problem, limits)}" if explain_empty(space) else ""
    except ConstraintError:
        # z3 gave up: the search of this dispatch will say what it finds.
        return ""

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spaces: what may be chosen for a dispatch, and how a choice becomes a configuration.

A space serves one pipeline and one kind of problem. It is one file, registered as an entry point of the group
`tuner.spaces`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tuner import plugins
from tuner.dispatch import Problem
from tuner.spaces.builder import SpaceBuilder
from tuner.spaces.fixing import Fix, fixed
from tuner.spaces.together import PLUS, Together

__all__ = ["GROUP", "SpaceBuilder", "find"]

GROUP = "tuner.spaces"


def find(
    target: str,
    problem: Problem,
    only: Sequence[str | SpaceBuilder] = (),
    fixes: Mapping[str, int | tuple[int, ...]] = MappingProxyType({}),
) -> tuple[str, SpaceBuilder] | None:
    """The space of the highest priority that serves the problem, with its name, or None.

    `only`: the first of these that serves it, and no other; by default every registered space may be chosen. Names
    joined by `PLUS` are searched as one space. `fixes`: values that knobs have, as `Options.fixes`. An op without
    loops, on single numbers, leaves nothing to choose. Raises InputError if two registered spaces of the same priority
    serve the problem.
    """
    if not problem.loops:
        return None
    if only:
        named = ((plugins.name_of(space), _builder(space, target, problem)) for space in only)
        found = next(((name, builder) for name, builder in named if builder.serves(target, problem)), None)
    else:
        found = plugins.claimant(
            GROUP, problem.label, lambda space: space.serves(target, problem), "choose one of them with --space"
        )
    if found is None:
        return None
    name, builder = found
    return name, fixed(name, builder, Fix.all_of(fixes))


def _builder(space: str | SpaceBuilder, target: str, problem: Problem) -> SpaceBuilder:
    if not isinstance(space, str):
        return space
    if PLUS in space:
        return Together.serving(target, problem, [plugins.load(GROUP, name) for name in space.split(PLUS)])
    registered: SpaceBuilder = plugins.load(GROUP, space)
    return registered

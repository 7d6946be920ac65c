# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spaces: what may be chosen for a dispatch, and how a choice becomes a configuration.

A space serves one pipeline and one kind of problem. It is one file, registered as an entry point of the group
`tuner.spaces`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tuner import plugins
from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.targets import Limits

__all__ = ["GROUP", "SpaceBuilder", "find"]

GROUP = "tuner.spaces"


class SpaceBuilder(Protocol):
    """What may be chosen for one kind of problem in one pipeline."""

    @property
    def priority(self) -> int:
        """If several spaces serve a problem, the highest priority wins. Ours have 0."""

    def serves(self, target: str, problem: Problem) -> bool:
        """Whether this space is for such a problem on the target of that name."""

    def build(self, problem: Problem, limits: Limits) -> Space:
        """The knobs and rules for this problem on a device of these limits."""

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        """The configuration that a point of `build(problem, …)` stands for."""


def find(target: str, problem: Problem, only: Sequence[str | SpaceBuilder] = ()) -> tuple[str, SpaceBuilder] | None:
    """The space of the highest priority that serves the problem, with its name, or None.

    `only`: the first of these that serves it, and no other; by default every registered space may be chosen. An op
    without loops, on single numbers, leaves nothing to choose. Raises InputError if two registered spaces of the same
    priority serve the problem.
    """
    if not problem.loops:
        return None
    if only:
        named = ((plugins.name_of(space), _builder(space)) for space in only)
        return next(((name, builder) for name, builder in named if builder.serves(target, problem)), None)
    return plugins.claimant(
        GROUP, problem.label, lambda space: space.serves(target, problem), "choose one of them with --space"
    )


def _builder(space: str | SpaceBuilder) -> SpaceBuilder:
    if isinstance(space, str):
        registered: SpaceBuilder = plugins.load(GROUP, space)
        return registered
    return space

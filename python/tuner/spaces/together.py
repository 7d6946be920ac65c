# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several spaces of one problem, searched as one: which of them a candidate is from is a knob.

So a search chooses the algorithm for each dispatch, such as the direct convolution or the product of patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.constraints import ABSENT, ConstraintError, Space, united
from tuner.dispatch import Configuration, Problem
from tuner.spaces.builder import SpaceBuilder
from tuner.targets import Limits

# Between the names of spaces that are searched as one.
PLUS = "+"
# The knob whose value is the place of a space among those that are named.
CHOICE = "space"


@dataclass(frozen=True, slots=True)
class Together:
    """Spaces by their places, of which a problem gets those that serve it."""

    builders: Mapping[int, SpaceBuilder]

    @property
    def priority(self) -> int:
        """Only whoever names such spaces gets them."""
        return -1

    @staticmethod
    def serving(target: str, problem: Problem, builders: Sequence[SpaceBuilder]) -> Together:
        """Those of the builders that serve a problem on the target of that name."""
        return Together({place: builder for place, builder in enumerate(builders) if builder.serves(target, problem)})

    def serves(self, target: str, problem: Problem) -> bool:
        return any(builder.serves(target, problem) for builder in self.builders.values())

    def build(self, problem: Problem, limits: Limits) -> Space:
        """Raises ConstraintError if no space can be built."""
        found, reasons = {}, []
        for place, builder in self.builders.items():
            try:
                found[place] = builder.build(problem, limits)
            except ConstraintError as error:
                reasons.append(str(error))
        if not found:
            raise ConstraintError("; ".join(reasons))
        return united(CHOICE, found)

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        own = {name: value for name, value in point.items() if name != CHOICE and value != ABSENT}
        return self.builders[point[CHOICE]].configuration(problem, own)

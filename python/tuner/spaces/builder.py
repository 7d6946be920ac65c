# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a space is to those who search it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tuner.constraints import Space
from tuner.dispatch import Configuration, Problem
from tuner.targets import Limits


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

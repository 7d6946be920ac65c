# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sizes of one loop that an entry is for, if these are more than the one that was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm

from tuner.dispatch import Problem

# What IREE's matchers take for any size.
_ANY = -1


@dataclass(frozen=True, slots=True)
class Range:
    """Multiples of `step`, up to `most`, of the loop of that number. Every other loop has the measured size.

    A loop of one is left out: the compiler drops it, or rewrites the op once it has read the spec.

    Raises ValueError for numbers that no such range has.
    """

    loop: int
    step: int
    most: int

    def __post_init__(self) -> None:
        if not (self.loop >= 0 and 0 < self.step <= self.most):
            raise ValueError(f"multiples of {self.step} up to {self.most} of loop {self.loop} are no range")

    def words(self, measured: Problem) -> str:
        """The range for people, with the size that was measured."""
        name, extent = measured.loop_names[self.loop], measured.loops[self.loop].extent
        sizes = f"in multiples of {self.step} up to" if self.step > 1 else f"from {self._least} to"
        return f"for {name} {sizes} {self.most}, measured at {name} {extent}"

    def holds(self, measured: Problem, other: Problem) -> bool:
        """Whether another problem differs from the measured one in this loop alone, and by a size of the range."""
        if len(other.loops) != len(measured.loops):
            return False
        extent = other.loops[self.loop].extent
        return (
            extent % self.step == 0 and self._least <= extent <= self.most and self._open(other) == self._open(measured)
        )

    def shared(self, measured: Problem, other: Range, other_measured: Problem) -> Problem | None:
        """A problem that this range and another one hold, of the smallest size; None if there is none."""
        if len(measured.loops) != len(other_measured.loops):
            return None
        if self.loop == other.loop:
            step = lcm(self.step, other.step)
            extent = -(-max(self._least, other._least) // step) * step
        else:
            extent = other_measured.loops[self.loop].extent
        found = self._with(measured, extent)
        return found if self.holds(measured, found) and other.holds(other_measured, found) else None

    def matcher(self, measured: Problem) -> tuple[Problem, str]:
        """The problem to match, whose loop may have any size, and the lines of a matcher that limit it."""
        operand, dimension = next(
            (number, operand.loops.index(self.loop))
            for number, operand in enumerate(measured.operands)
            if self.loop in operand.loops
        )
        size = f"%ranged[{dimension}]"
        return (
            self._open(measured),
            f"""\
    %ranged = transform.get_operand %op[{operand}] : (!transform.any_op) -> !transform.any_value
    transform.iree.match.dim_is_multiple_of {size}, {self.step} : !transform.any_value
    transform.iree.match.dim_bounds {size}, umin = {self._least}, umax = {self.most} : !transform.any_value
""",
        )

    def check(self, measured: Problem) -> None:
        """Raises ValueError unless the measured problem has such a loop, and a size of the range."""
        if self.loop >= len(measured.loops) or not self.holds(measured, measured):
            raise ValueError(f"its sizes, multiples of {self.step} up to {self.most}, are not those of its problem")
        if not any(self.loop in operand.loops for operand in measured.operands):
            raise ValueError("no operand has a dimension for its range of sizes")

    @property
    def _least(self) -> int:
        return max(self.step, 2)

    def _open(self, problem: Problem) -> Problem:
        return self._with(problem, _ANY)

    def _with(self, problem: Problem, extent: int) -> Problem:
        loops = list(problem.loops)
        loops[self.loop] = replace(loops[self.loop], extent=extent)
        return replace(problem, loops=tuple(loops))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions of a GPU's code: how many there are of each kind, and which of them the main loop has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. `kind` is "" for those that nobody counts, `target` the place that a branch goes to."""

    place: int
    kind: str = ""
    target: int | None = None


class Kinds:
    """The kinds of instructions that are counted, by their name and the start of what a tool writes for them."""

    def __init__(self, starts: Mapping[str, str]) -> None:
        """`starts`: a regular expression for each kind; the first that fits counts."""
        self._names = tuple(starts)
        # Groups are numbered: names of kinds hold dots.
        self._start = re.compile("|".join(f"(?P<k{number}>{start})" for number, start in enumerate(starts.values())))

    def of(self, text: str) -> str:
        """The kind of the instruction that starts like this, "" if it is none of these."""
        found = self._start.match(text)
        return "" if found is None else self._names[int((found.lastgroup or "k0")[1:])]


def counted(instructions: Sequence[Instruction]) -> dict[str, int]:
    """How many there are of each kind."""
    return dict(Counter(instruction.kind for instruction in instructions if instruction.kind))


def main_loop(instructions: Sequence[Instruction]) -> Sequence[Instruction]:
    """The loop that has most matrix instructions (`mma`), of equals the shortest; empty if there is no loop.

    A loop goes from the target of a branch backwards to the branch. `instructions` are in the order of their places.
    """
    loops = [
        [other for other in instructions if branch.target <= other.place <= branch.place]
        for branch in instructions
        if branch.target is not None and branch.target <= branch.place
    ]
    return max(loops, key=lambda loop: (counted(loop).get("mma", 0), -len(loop)), default=())

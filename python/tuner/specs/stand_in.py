# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A configuration in place of a default that the compiler refuses, and the late entry that applies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.dispatch import Annotations, Problem
from tuner.outcome import Candidate
from tuner.specs.write import Entry, late_spec


@dataclass(frozen=True, slots=True)
class StandIn:
    """A configuration in place of a default that does not compile, for all dispatches of a problem.

    `dispatch`: the name of the first. `candidate` has the number 1: the default is candidate 0. `reason`: what the
    compiler says of the default.
    """

    problem: Problem
    dispatch: str
    candidate: Candidate
    annotations: Annotations
    reason: str

    @property
    def entry(self) -> Entry:
        """The late entry, which has no certificate: there is nothing to compare it with."""
        comment = f"{self.dispatch}: {self.problem.label}, stands in for a default that does not compile"
        return Entry(self.problem, self.annotations, comment, stands_in=self.reason)


def late_spec_of(stand_ins: Sequence[StandIn]) -> str:
    """A late spec of these alone."""
    return late_spec([stand_in.entry for stand_in in stand_ins])

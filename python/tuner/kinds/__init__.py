# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kinds of dispatch: what the loops of a root op do, and how a tuning spec finds the op.

A kind is one file, registered as an entry point of the group `tuner.kinds` under the name that `Problem.kind` holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tuner import plugins
from tuner.dispatch import Problem

__all__ = ["GROUP", "Kind", "find", "matcher"]

GROUP = "tuner.kinds"


class Kind(Protocol):
    """One kind of root op. IREE's objects are `Any` here, since this module is imported without the compiler too."""

    @property
    def priority(self) -> int:
        """If several kinds recognise an op, the highest priority wins."""

    def roles(self, root_op: Any) -> Mapping[int, str] | None:
        """What each loop of the op does, by the loop's number; None if the op is not of this kind.

        A role is a word of lower-case letters. `tuner.dispatch.REDUCTIONS` are the roles of loops that are reduced.
        """

    def matcher(self, problem: Problem) -> str:
        """Lines of a transform sequence that match `%op` if and only if it solves the problem, or "".

        A spec for plain iree-compile contains them. That spec is applied before the compiler transforms the model
        further, so only an op that keeps its form from there to the code generator can have a matcher. Kind, loops and
        operands must then describe the whole problem, since nothing else tells two dispatches apart. `problem` has its
        computation and followers too if it is new: what a matcher finds, is held without these.
        """


def find(root_op: Any) -> tuple[str, Mapping[int, str]] | None:
    """The name of the kind that a root op is of, and the roles of its loops; None if no kind recognises it.

    Raises InputError if two kinds of the same priority recognise it.
    """
    found = plugins.claimant(GROUP, str(root_op.name), lambda kind: kind.roles(root_op) is not None)
    return None if found is None else (found[0], found[1].roles(root_op))


def matcher(problem: Problem) -> str:
    """The matcher of a problem, as `Kind.matcher` writes it; "" if its kind has none or is not installed."""
    if problem.kind not in plugins.names(GROUP):
        return ""
    kind: Kind = plugins.load(GROUP, problem.kind)
    return kind.matcher(problem)

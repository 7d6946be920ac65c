# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for single ops of a model: what the compiler does with an op, or by which algorithm it computes the op.

A preprocessing spec applies them, a file that plain iree-compile reads (`tuner.op_choices.writing`). A kind of choice
is one file, registered as an entry point of the group `tuner.op_choices`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tuner import plugins
from tuner.dispatch import Loop

__all__ = ["GROUP", "InputOp", "OpChoice", "OpChoiceKind", "Rewriting", "flags_of", "is_needed_flag", "kinds"]

GROUP = "tuner.op_choices"


@dataclass(frozen=True, slots=True)
class InputOp:
    """An op of the model as the compiler receives it; `count` equal ops are one value.

    `operands` are the types of its operands as MLIR prints them, the output's last. `loops` are as in a problem,
    `strides` and `dilations` those of a convolution. `spread` is the type of the tensor whose elements a
    `tensor.insert_slice` spreads over the first operand, at distances of `steps` from `offsets`; "" if none does.
    """

    name: str
    operands: tuple[str, ...]
    loops: tuple[Loop, ...]
    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    spread: str = ""
    offsets: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    count: int = 1

    @property
    def steps_of_loops(self) -> int:
        """How often the innermost statement of the loops runs, in all equal ops together."""
        return self.count * math.prod(loop.extent for loop in self.loops)

    @property
    def has_window(self) -> bool:
        """Whether it is a convolution."""
        return any(loop.role == "window" for loop in self.loops)

    @property
    def label(self) -> str:
        """Name and types, for people."""
        spread = f", spread from {self.spread}" if self.spread else ""
        times = f", {self.count} times" if self.count > 1 else ""
        return f"{self.name} of {', '.join(self.operands)}{spread}{times}"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What becomes of an op that a choice is made for.

    `attributes` are set on the op, in MLIR's syntax ("" for a unit attribute). `function` is what computes the op
    instead: the arguments, results and body of a `util.func` that takes the op's operands (if the first one is spread,
    what was spread) and returns its result. `passes` run on every function afterwards. Without `flags`, of
    iree-compile, the choice has no effect.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    function: str = ""
    passes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class OpChoiceKind(Protocol):
    """One kind of choice."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets for which its choices are tried: on others none of them was seen to pay."""

    @property
    def priority(self) -> int:
        """The choices of higher priority are tried first; those of a priority above 0 first all together."""

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of iree-compile that some of its choices need."""

    def values(self, op: InputOp) -> Sequence[str]:
        """What may be chosen for the op, the most promising first; nothing if it is not of this kind."""

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        """What this value means for the op."""


@dataclass(frozen=True, slots=True)
class OpChoice:
    """One value of a registered kind of choice, for one op."""

    kind: str
    value: str
    op: InputOp

    @property
    def rewriting(self) -> Rewriting:
        """What becomes of the op."""
        found: OpChoiceKind = plugins.load(GROUP, self.kind)
        return found.rewriting(self.op, self.value)

    @property
    def label(self) -> str:
        """The choice and its op, for people."""
        return f"{self.kind}={self.value} for {self.op.label}"


def kinds(target: str) -> Iterator[tuple[str, OpChoiceKind]]:
    """The registered kinds for a target with their names, those of the highest priority first."""
    found = [(name, kind) for name, kind in _registered() if target in kind.targets]
    yield from sorted(found, key=lambda entry: -entry[1].priority)


def flags_of(choices: Sequence[OpChoice]) -> tuple[str, ...]:
    """The flags of iree-compile that these choices need, each once."""
    return tuple(dict.fromkeys(flag for choice in choices for flag in choice.rewriting.flags))


def is_needed_flag(flag: str) -> bool:
    """Whether a registered kind has choices that need this flag."""
    return any(flag in kind.flags for _, kind in _registered())


def _registered() -> list[tuple[str, OpChoiceKind]]:
    return [(name, plugins.load(GROUP, name)) for name in plugins.names(GROUP)]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spaces that IREE states itself: constraints as SMT-LIB text, which `emitted_constraints` reads.

Source of every rule: the compiler, whose message is the rule's name. Three knobs are ours: IREE fixes them to one
value for reasons of speed, none of correctness, and they are opened where the option exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from emitted_rules import attention_rules, layout_rules
from tuner.constraints import Knob, Rule, Space, read_smtlib
from tuner.dispatch import Configuration, Problem
from tuner.targets import Limits

_SOURCE = "IREE's own constraints (--iree-codegen-emit-pipeline-constraints)"
_STAGES = "prefetch_num_stages"
_BANK_CONFLICTS = "no_reduce_shared_memory_bank_conflicts"
# The occupancy that the compiler is asked for on AMD GPUs; 0 asks for none.
OCCUPANCY = "occupancy"


@dataclass(frozen=True, slots=True)
class EmittedConstraints:
    """What the compiler states for one dispatch in one pipeline.

    `smtlib` is its text, `labels` its message for each assertion, `knobs` the names that a configuration needs.
    `template` is a module with the constraints' knobs and no body: enough to turn an assignment into attributes.
    `further_attributes` names what the root op needs beside a compilation info.
    """

    dispatch: str
    pipeline: str
    smtlib: str
    labels: tuple[str, ...]
    knobs: tuple[str, ...]
    template: str
    further_attributes: tuple[str, ...] = ()


def emitted_space(emitted: EmittedConstraints) -> Space:
    """The compiler's own space: exactly the solutions of its text."""
    return read_smtlib(emitted.smtlib, labels=emitted.labels, knobs=emitted.knobs, source=_SOURCE)


def widened(emitted: EmittedConstraints) -> EmittedConstraints:
    """The constraints with the bank-conflict option as a knob, where the compiler fixes it to false."""
    fixed = f"{_BANK_CONFLICTS} = false"
    if fixed not in emitted.template:
        return emitted
    opened = f'{_BANK_CONFLICTS} = #iree_codegen.smt.one_of_knob<"{_BANK_CONFLICTS}", [false, true]>'
    declared = f"(declare-const {_BANK_CONFLICTS} Int)\n(assert (<= 0 {_BANK_CONFLICTS} 1))\n"
    return replace(
        emitted,
        smtlib=emitted.smtlib + declared,
        labels=(*emitted.labels, f"{_BANK_CONFLICTS} is a choice"),
        knobs=(*emitted.knobs, _BANK_CONFLICTS),
        template=emitted.template.replace(fixed, opened),
    )


@dataclass(frozen=True, slots=True)
class CompilerEmitted:
    """The space of one dispatch's constraints and of the rules they leave out (`emitted_rules`).

    `stages` and `occupancy` open the knobs of those names.

    `materialize` turns a point into the compiler's attributes (`emitted_constraints.materialize`).
    """

    target: str
    problem: Problem | None
    emitted: EmittedConstraints
    materialize: Callable[[EmittedConstraints, Mapping[str, int]], Configuration]
    stages: tuple[int, ...] = ()
    occupancy: tuple[int, ...] = ()
    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == self.target and problem == self.problem

    def build(self, problem: Problem, limits: Limits) -> Space:
        del limits  # The compiler has put them into its constraints.
        space = emitted_space(self.emitted)
        probed = attention_rules(space, self.emitted.template, self.emitted.labels)
        if self.emitted.pipeline == "VectorDistribute":
            probed += layout_rules(space, problem)
        knobs = list(space.knobs)
        if self.stages:
            knobs = [Knob(knob.name, self.stages) if knob.name == _STAGES else knob for knob in knobs]
        if self.occupancy:
            knobs.append(Knob(OCCUPANCY, self.occupancy))
        rules = tuple(rule for rule in space.rules if not (self.stages and _is_about_stages(rule)))
        return Space(tuple(knobs), (*rules, *probed))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        del problem
        return self.materialize(self.emitted, point)


def _is_about_stages(rule: Rule) -> bool:
    return rule.name.startswith(_STAGES)

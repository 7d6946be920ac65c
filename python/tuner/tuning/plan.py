# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decides which dispatches of a model are tuned, in which space, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner import plugins, spaces
from tuner.dispatch import BenchmarkProgram, Configuration, Dispatch, Problem
from tuner.errors import InputError
from tuner.options import Options
from tuner.outcome import Candidate
from tuner.spaces import SpaceBuilder
from tuner.specs.write import has_matcher
from tuner.targets import Target

# What a user may name a dispatch by in place of its name.
_NUMBER = re.compile(r"dispatch_\d+")


@dataclass(frozen=True, slots=True)
class Task:
    """A problem to tune: the dispatch that stands for it, its space, and how often a run of the model solves it.

    `runs` counts those of every dispatch of the same problem, since one spec entry serves them all.
    """

    dispatch: Dispatch
    problem: Problem
    program: BenchmarkProgram
    space_name: str
    builder: SpaceBuilder
    runs: int

    def candidate(self, number: int, row: int, point: Mapping[str, int]) -> Candidate:
        """The candidate of a point of the space, `row` of its pool.

        Raises InputError if the space makes anything but a `Configuration`, which alone every process knows.
        """
        configuration = self.builder.configuration(self.problem, point)
        if type(configuration) is not Configuration:
            kind = plugins.name_of(configuration)
            raise InputError(f"the space {self.space_name} made a {kind}, not a tuner.dispatch.Configuration")
        return Candidate(number, row, point, configuration)


class _NotTunedError(Exception):
    """A dispatch is not tuned itself. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The problems to tune, and for every other dispatch why it is not tuned itself."""

    tasks: tuple[Task, ...]
    left: dict[str, str]


def chosen(dispatches: Sequence[Dispatch], names: Sequence[str]) -> list[Dispatch]:
    """The dispatches of these names, all if none is named. A name may be a number alone, as in `dispatch_2`.

    Raises InputError for a name that no dispatch has, or for a number that several have.
    """
    known = [dispatch.name for dispatch in dispatches]
    wanted = {_full_name(name, known) for name in names}
    return [dispatch for dispatch in dispatches if not names or dispatch.name in wanted]


def _full_name(name: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    numbered = [full for full in known if _NUMBER.fullmatch(name) and re.search(rf"_{name}(_|$)", full)]
    if len(numbered) == 1:
        return numbered[0]
    if numbered:
        raise InputError(f"the model has several dispatches '{name}': {', '.join(numbered)}; name one in full")
    raise InputError(f"the model has no dispatch '{name}'; it has: {', '.join(known) or 'none'}")


def plan(dispatches: Sequence[Dispatch], target: Target, options: Options) -> Plan:
    """The problems to tune among those of `dispatches` that the options name, as `plain` and `spaces` allow.

    Raises InputError for a name that no dispatch has.
    """
    dispatches = chosen(dispatches, options.dispatches)
    runs: dict[Problem, int] = {}
    for dispatch in dispatches:
        if dispatch.problem is not None:
            runs[dispatch.problem] = runs.get(dispatch.problem, 0) + dispatch.runs
    tasks: dict[Problem, Task] = {}
    left: dict[str, str] = {}
    for dispatch in dispatches:
        try:
            task = _task(dispatch, tasks, runs, target, options)
        except _NotTunedError as error:
            left[dispatch.name] = str(error)
        else:
            tasks[task.problem] = task
    return Plan(tuple(tasks.values()), left)


def _task(
    dispatch: Dispatch, tasks: dict[Problem, Task], runs: dict[Problem, int], target: Target, options: Options
) -> Task:
    """The task of a dispatch. Raises _NotTunedError."""
    problem, program = dispatch.problem, dispatch.program
    if dispatch.runs == 0:
        raise _NotTunedError("left alone: it runs only while the model is loaded")
    if problem is None or program is None:
        raise _NotTunedError(f"not tunable: {dispatch.untunable}")
    if problem in tasks:
        raise _NotTunedError(f"same problem as {tasks[problem].dispatch.name}")
    if options.plain and not (target.reads_specs and has_matcher(problem)):
        raise _NotTunedError(f"left alone: no spec that plain iree-compile reads can reach {problem.label}")
    found = spaces.find(target.name, problem, options.spaces, options.fixes)
    if found is None and options.spaces:
        named = ", ".join(map(plugins.name_of, options.spaces))
        which = "the space" if len(options.spaces) == 1 else "none of the spaces"
        verb = "does not serve" if len(options.spaces) == 1 else "serves"
        raise _NotTunedError(f"not tunable: {which} {named} {verb} {problem.label} on {target.name}")
    if found is None:
        raise _NotTunedError(f"not tunable: no space for {problem.label} on {target.name}")
    return Task(dispatch, problem, program, *found, runs=runs[problem])

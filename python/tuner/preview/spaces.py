# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Describes the space of each dispatch of a model: the module that defines it, its knobs, its solutions."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner import plugins, spaces
from tuner.constraints import (
    ConstraintError,
    Pool,
    Space,
    SpaceTooLargeError,
    enumerate_space,
    write_smtlib,
)
from tuner.dispatch import Dispatch
from tuner.dispatches.opening import open_model
from tuner.errors import InputError
from tuner.events import Listener
from tuner.files import check_writable, write_atomically
from tuner.options import Options
from tuner.runs.folder import RunFolder
from tuner.spaces import SpaceBuilder
from tuner.spaces.fixing import original, why_empty
from tuner.targets import Limits
from tuner.tuning.fixes import check_fixes

# Values of a knob that are printed; of more, the first ones and the last.
_MOST_VALUES = 12


@dataclass(frozen=True, slots=True)
class KnobDescription:
    """A knob: the values of its domain, and those that occur in a solution (None: unknown)."""

    name: str
    domain: tuple[int, ...]
    occurring: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class SpaceDescription:
    """The space of one dispatch; `reason` says why it has none, or why nothing can be chosen in it.

    `source` is the module that defines the space. `solutions` is None if there are too many to count. `unconstrained`
    counts the combinations without the space's rules. `described` is the space itself, if there is one.
    """

    dispatch: str
    problem: str
    reason: str = ""
    space: str = ""
    source: str = ""
    knobs: tuple[KnobDescription, ...] = ()
    solutions: int | None = None
    unconstrained: int = 0
    described: Space | None = None

    def lines(self) -> list[str]:
        """The description as text, one line for each fact."""
        found = [f"{self.dispatch}: {self.problem}" if self.problem else self.dispatch]
        if self.space:
            found.append(f"  space: {self.space} ({self.source})")
        found += [f"  {knob.name}: {_values(knob)}" for knob in self.knobs]
        if self.solutions is not None and self.space:
            found.append(f"  solutions: {self.solutions:,} of {self.unconstrained:,} combinations")
        if self.reason:
            found.append(f"  {self.reason}")
        return found


def describe_spaces(path: Path, options: Options, listen: Listener) -> tuple[SpaceDescription, ...]:
    """The spaces of a model's dispatches on a target. Raises InputError for an unusable model or target."""
    opened = open_model(path, options)
    with RunFolder.temporary() as folder:
        _, extracted = opened.read(folder.path, listen)
    check_fixes(extracted.dispatches, opened.target, extracted.limits, options)
    return tuple(
        _describe(dispatch, opened.target.name, extracted.limits, options) for dispatch in extracted.dispatches
    )


def write_texts(descriptions: Sequence[SpaceDescription], folder: Path) -> list[Path]:
    """Writes each space to `folder` as SMT-LIB text, in a file named after its dispatch; returns the files.

    Raises InputError if the folder cannot be made or written to, or SMT-LIB cannot say what a knob is named.
    """
    try:
        texts = {
            folder / f"{description.dispatch}.smt2": write_smtlib(description.described)
            for description in descriptions
            if description.described is not None
        }
    except ConstraintError as error:
        raise InputError(str(error)) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; choose another --smtlib") from error
    for path in texts:
        check_writable(path, option="--smtlib")
    for path, text in texts.items():
        write_atomically(path, text)
    return list(texts)


def _describe(dispatch: Dispatch, target: str, limits: Limits, options: Options) -> SpaceDescription:
    problem, only = dispatch.problem, options.spaces
    if problem is None:
        return SpaceDescription(dispatch.name, "", f"no space: {dispatch.untunable}")
    found = spaces.find(target, problem, only, options.fixes)
    if found is None:
        which = f"none of the spaces {', '.join(map(plugins.name_of, only))}" if only else "no space"
        return SpaceDescription(dispatch.name, problem.label, f"{which} on {target} serves such a problem")
    name, builder = found
    try:
        space = builder.build(problem, limits)
    except ConstraintError as error:
        return SpaceDescription(dispatch.name, problem.label, f"not tunable: {name}: {error}")
    pool: Pool | None = None
    reason = f"not tunable: {dispatch.untunable}" if dispatch.untunable else ""
    try:
        pool = enumerate_space(space)
    except SpaceTooLargeError as error:
        reason = f"solutions: too many to count ({error})"
    if pool is not None and not len(pool):
        reason = f"no solution: {why_empty(builder, problem, limits)}"
    return SpaceDescription(
        dispatch.name,
        problem.label,
        reason,
        space=name,
        source=_module(builder),
        knobs=tuple(
            KnobDescription(knob.name, knob.domain, None if pool is None else _occurring(pool, index))
            for index, knob in enumerate(space.knobs)
        ),
        solutions=None if pool is None else len(pool),
        unconstrained=space.size_unconstrained,
        described=space,
    )


def _module(builder: SpaceBuilder) -> str:
    kind = type(original(builder))
    module = inspect.getmodule(kind)
    return module.__name__ if module else kind.__name__


def _occurring(pool: Pool, index: int) -> tuple[int, ...]:
    return tuple(sorted({int(value) for value in pool.rows[:, index]}))


def _values(knob: KnobDescription) -> str:
    shown = _short(knob.domain)
    if knob.occurring is None or len(knob.occurring) == len(knob.domain) or not knob.occurring:
        return shown
    return f"{shown}, in solutions {_short(knob.occurring)}"


def _short(values: Sequence[int]) -> str:
    if len(values) > _MOST_VALUES:
        head = ", ".join(str(value) for value in values[: _MOST_VALUES - 2])
        return f"{{{head}, … {values[-1]}}} ({len(values)} values)"
    return "{" + ", ".join(str(value) for value in values) + "}"

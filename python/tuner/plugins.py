# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds what is registered under an entry point group: targets, spaces and strategies, ours and others'."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tuner.errors import InputError


def names(group: str) -> tuple[str, ...]:
    """The registered names of a group such as `tuner.targets`, sorted."""
    return tuple(sorted({entry.name for entry in _entries(group)}))


def load(group: str, name: str) -> Any:
    """The object registered as `name`. Raises InputError that lists the known names."""
    return check(group, name).load()


def check(group: str, name: str) -> EntryPoint:
    """What is registered as `name`, not imported yet. Raises InputError that lists the known names."""
    for entry in _entries(group):
        if entry.name == name:
            return entry
    kind = group.removeprefix("tuner.").removesuffix("s").replace("strategie", "strategy")
    raise InputError(f"there is no {kind} named '{name}'; choose one of: {', '.join(names(group))}")


@functools.cache
def _entries(group: str) -> tuple[EntryPoint, ...]:
    # Asked for each dispatch, and all installed packages are looked through each time.
    return tuple(entry_points(group=group))

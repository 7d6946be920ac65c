# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds what is registered under an entry point group: commands, targets, kinds, spaces and more, of any package."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tuner.errors import InputError

# What is registered under each group.
_KINDS = {
    "tuner.commands": "command",
    "tuner.formats": "format",
    "tuner.frontends": "front end",
    "tuner.kinds": "kind of dispatch",
    "tuner.model_flags": "target with flags of the whole model",
    "tuner.op_choices": "kind of choice for ops",
    "tuner.spaces": "space",
    "tuner.strategies": "strategy",
    "tuner.targets": "target",
}


def names(group: str) -> tuple[str, ...]:
    """The registered names of a group such as `tuner.targets`, sorted."""
    return tuple(sorted({entry.name for entry in _entries(group)}))


def load(group: str, name: str) -> Any:
    """The object registered as `name`. Raises InputError that lists the known names."""
    return check(group, name).load()


def check(group: str, name: str) -> EntryPoint:
    """The entry point of that name, not imported yet. Raises InputError that lists the known names."""
    for entry in _entries(group):
        if entry.name == name:
            return entry
    raise InputError(f"there is no {_KINDS[group]} named '{name}'; choose one of: {', '.join(names(group))}")


def name_of(plugin: str | object) -> str:
    """What a run calls a plugin: its registered name, or for an object the name of its class."""
    if isinstance(plugin, str):
        return plugin
    kind = plugin if isinstance(plugin, type) else type(plugin)
    return f"{kind.__module__}.{kind.__qualname__}"


def claimant(
    group: str, subject: str, claims: Callable[[Any], bool], remedy: str = "uninstall one of them"
) -> tuple[str, Any] | None:
    """The name and the object of the highest priority among those that claim a subject; None if none does.

    Each object states its `priority`. Raises InputError that names the subject if two of equal priority claim it.
    """
    found = [(name, plugin) for name in names(group) if claims(plugin := load(group, name))]
    highest = max((plugin.priority for _, plugin in found), default=0)
    best = [(name, plugin) for name, plugin in found if plugin.priority == highest]
    if len(best) > 1:
        listed = " and ".join(name for name, _ in best)
        raise InputError(f"{listed} ({group}) claim {subject} with the same priority, {highest}; {remedy}")
    return best[0] if best else None


@functools.cache
def _entries(group: str) -> tuple[EntryPoint, ...]:
    # Looking through all installed packages is slow, and spaces are looked up for each dispatch.
    return tuple(entry_points(group=group))

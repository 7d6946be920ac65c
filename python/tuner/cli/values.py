# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of options: registered names, which the shell completes, durations, and values of knobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from tuner import plugins
from tuner.errors import InputError
from tuner.evaluate.budget import parse_duration_s


def registered(group: str, suffix: str = "") -> dict[str, Any]:
    """The settings of an option that takes a name registered under an entry point group, such as a strategy.

    `suffix` is what may follow the name, such as `[:CHIP]`. Whoever uses the name checks it.
    """
    names = plugins.names(group)

    def completed(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
        return [name for name in names if name.startswith(typed)]

    return {"metavar": f"[{'|'.join(names)}]{suffix}", "shell_complete": completed}


def seconds(_: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that takes a duration: seconds from `90s`, `20m` or `7d`. Raises InputError."""
    return None if value is None else parse_duration_s(value, parameter.opts[-1])


def seconds_or_bare(context: click.Context, parameter: click.Parameter, value: str) -> float | None:
    """As `seconds`; a bare number counts seconds too."""
    try:
        return float(value)
    except ValueError:
        return seconds(context, parameter, value)


def fixed(_: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The callback of an option that takes `KNOB=VALUE[,VALUE...]` several times: the values by name.

    Raises InputError.
    """
    option, found = parameter.opts[-1], dict[str, tuple[int, ...]]()
    for text in texts:
        # A knob's name may contain anything but this.
        name, _equals, values = text.rpartition("=")
        if not name or not re.fullmatch(r"-?[0-9]{1,18}(,-?[0-9]{1,18})*", values):
            raise InputError(
                f"{option} takes KNOB=VALUE[,VALUE...], as in occupancy=2 or 'workgroup[m]=64,128', not '{text}'"
            )
        if name in found:
            raise InputError(f"{option} fixes '{name}' twice; write all its values once, as in {name}=2,4")
        found[name] = tuple(map(int, values.split(",")))
    return found

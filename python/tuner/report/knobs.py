# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A configuration as named knobs with plain values, which can be compared, plotted and exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.dispatch import loop_names

Value = int | str
Knobs = dict[str, Value]


def knobs_of(configuration: Mapping[str, Any], roles: Sequence[str] = ()) -> Knobs:
    """The knobs of a configuration, as `Configuration.to_json` writes it.

    `roles` are those of the root op's loops. If they are known, they name the tiles, as in `distribution[m]`. The
    configurations of other ops follow from the root op's and are left out.
    """
    knobs: Knobs = {"pipeline": configuration["pipeline"]}
    for option in configuration.get("options", ()):
        knobs[f"option {option}"] = 1
    loops = loop_names(roles)
    for level, sizes in configuration["levels"].items():
        names = loops if len(loops) == len(sizes) else tuple(map(str, range(len(sizes))))
        knobs |= {f"{level}[{name}]": size for name, size in zip(names, sizes, strict=True)}
    settings = configuration.get("gpu", {})
    for name, value in settings.items():
        knobs |= _fed(settings) if name == "feeding" else _flat(name, value)
    for name, value in configuration.get("attributes", {}).items():
        knobs[name] = value
    return knobs


def varying(points: Sequence[Knobs]) -> tuple[list[str], list[list[Value]]]:
    """The names of the knobs that differ among the points, and their values, shape [points][knobs].

    A knob that a point lacks counts as 0 there. Of knobs that are equal in all points only the first is kept.
    """
    names = list(dict.fromkeys(name for point in points for name in point))
    columns: dict[tuple[Value, ...], str] = {}
    for name in names:
        column = tuple(point.get(name, 0) for point in points)
        if len(set(column)) > 1:
            columns.setdefault(column, name)
    return list(columns.values()), [list(row) for row in zip(*columns, strict=True)]


def _fed(settings: Mapping[str, Any]) -> Knobs:
    """How operands reach matrix instructions; of a built-in pipeline, what stands for it among the others."""
    if settings["feeding"] is not None:
        return {name: int(value) for name, value in settings["feeding"].items()}
    if settings["intrinsic"] is None:
        return {}
    return {"padding_bits": 0 if settings["no_reduce_shared_memory_bank_conflicts"] else 64}


def _flat(name: str, value: Any) -> Knobs:
    if isinstance(value, list):
        return {f"{name}[{index}]": element for index, element in enumerate(value)}
    if value is None:
        return {name: "compiler's"}
    return {name: int(value) if isinstance(value, bool) else value}

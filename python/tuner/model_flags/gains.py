# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What choices of flags gave on models that were measured: the file that ships with the package, and how it is read.

`gains.json` is made by `benchmarks/flag_gains.py` from a reference set. It names a model by what it consists of, its op
mix, so that a new model can be compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.foreign import check_ratios, parse_json

SCHEMA = 1
# The gains that ship with the package: measured on CPUs, so they are the CPU's.
SHIPPED = Path(__file__).with_name("gains.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a choice of flags ended on a model: its values, and the model's speed-up over the default; None if it failed.

    `compile_factor`: the time that it takes to compile, over the default's.
    """

    values: Mapping[str, str]
    speedup: float | None
    compile_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """A model on which choices were measured. `mix` is the part of its arithmetic in each class of ops."""

    name: str
    mix: Mapping[str, float]
    outcomes: tuple[Outcome, ...]


def likeness(mix: Mapping[str, float], other: Mapping[str, float]) -> float:
    """How alike two op mixes are: 1 if they are equal, 0 if they share no class.

    It is the sum over the classes of the root of both parts' product, so that small parts count as well.
    """
    return sum(math.sqrt(part * other[name]) for name, part in mix.items() if name in other)


def read_gains(path: Path = SHIPPED) -> tuple[MeasuredModel, ...]:
    """The measured models of a file. Raises InputError if it is no such file."""
    try:
        read = parse_json(path.read_bytes())
        if read["schema"] != SCHEMA:
            raise ValueError(f"its schema is {read['schema']}, not {SCHEMA}")
        models = tuple(_model(entry) for entry in read["models"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} holds no gains of flags ({error}); make it by benchmarks/flag_gains.py") from error
    return models


def _model(entry: Mapping[str, Any]) -> MeasuredModel:
    mix = {str(name): float(part) for name, part in entry["mix"].items()}
    if any(part < 0 for part in mix.values()):
        raise ValueError(f"a part of the mix of {entry['name']} is negative")
    outcomes = tuple(
        Outcome(dict(choice["values"]), choice["speedup"], float(choice["compile_factor"]))
        for choice in entry["choices"]
    )
    check_ratios(str(entry["name"]), (ratio for one in outcomes for ratio in (one.speedup, one.compile_factor)))
    return MeasuredModel(str(entry["name"]), mix, outcomes)


def written(models: Sequence[MeasuredModel], **circumstances: str) -> dict[str, Any]:
    """The models as plain JSON. `circumstances` say on what they were measured."""
    return {
        "schema": SCHEMA,
        **circumstances,
        "models": [
            {
                "name": model.name,
                "mix": {name: round(part, 4) for name, part in model.mix.items()},
                "choices": [
                    {
                        "values": dict(outcome.values),
                        "speedup": outcome.speedup and round(outcome.speedup, 4),
                        "compile_factor": round(outcome.compile_factor, 2),
                    }
                    for outcome in model.outcomes
                ],
            }
            for model in models
        ],
    }

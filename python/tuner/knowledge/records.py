# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Recorded pools: what candidates of a problem took on one device. The files that ship, and how they are read.

The first line of a file says its schema, each other line is a pool. `benchmarks/ship_records.py` makes the files of
`shipped/` from results of benchmarks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tuner.dispatch import form_of
from tuner.errors import InputError
from tuner.foreign import parse_json
from tuner.knowledge.traits import Machine

SCHEMA = "iree-tuner-records/1"
SHIPPED = Path(__file__).with_name("shipped")
# Significant digits of a time that a file keeps.
_DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class RecordedPool:
    """What candidates of a problem took.

    `name`: what people call the problem. `problem`: its key (`tuner.dispatch.Problem.key`). `target`: as users name it,
    without a chip. `device`: the processor, for people. `knobs`: names, in the order of the columns of `rows`, shape
    [rows, knobs]. `times_s`: seconds of one run, shape [rows], NaN for a candidate that failed.
    """

    name: str
    problem: str
    target: str
    device: str
    compiler: str
    machine: Machine
    knobs: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    times_s: npt.NDArray[np.float64]
    default_s: float

    @property
    def form(self) -> str:
        """What the problem shares with others that differ in sizes only."""
        return form_of(self.problem)[0]

    def to_json(self) -> dict[str, Any]:
        """The pool as plain JSON: microseconds follow the knobs of each row, null if it failed."""
        return {
            "name": self.name,
            "problem": self.problem,
            "target": self.target,
            "device": self.device,
            "compiler": self.compiler,
            "processors": self.machine.processors,
            "vector_bytes": self.machine.vector_bytes,
            "default_us": _rounded(1e6 * self.default_s),
            "knobs": list(self.knobs),
            "rows": [
                [*row, None if math.isnan(time_s) else _rounded(1e6 * time_s)]
                for row, time_s in zip(self.rows.tolist(), self.times_s.tolist(), strict=True)
            ],
        }

    @staticmethod
    def from_json(value: Any) -> RecordedPool:
        """Raises ValueError, KeyError or TypeError for anything that `to_json` does not make."""
        knobs = tuple(map(str, value["knobs"]))
        rows = [row[:-1] for row in value["rows"]]
        if not rows or any(len(row) != len(knobs) for row in rows):
            raise ValueError("a row has not a value for each knob")
        times_us = [math.nan if row[-1] is None else float(row[-1]) for row in value["rows"]]
        if any(time_us <= 0 for time_us in times_us):
            raise ValueError("a time is not positive")
        form_of(value["problem"])
        return RecordedPool(
            str(value["name"]),
            value["problem"],
            str(value["target"]),
            str(value["device"]),
            str(value["compiler"]),
            Machine(int(value["processors"]), int(value["vector_bytes"])),
            knobs,
            np.array(rows, dtype=np.int64),
            1e-6 * np.array(times_us),
            1e-6 * float(value["default_us"]),
        )


def write_records(path: Path, pools: Iterable[RecordedPool]) -> None:
    """Writes a file of records. Raises OSError."""
    lines = [{"schema": SCHEMA}, *(pool.to_json() for pool in pools)]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def read_records(path: Path) -> tuple[RecordedPool, ...]:
    """The pools of a file. Raises InputError if it is no such file."""
    try:
        head, *lines = path.read_bytes().splitlines()
        schema = parse_json(head)["schema"]
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema}, not {SCHEMA}")
        return tuple(RecordedPool.from_json(parse_json(line)) for line in lines)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as records ({error}); make it anew by ship_records.py") from error


@cache
def shipped_records() -> tuple[RecordedPool, ...]:
    """The pools that ship with the package, file by file."""
    return tuple(pool for path in sorted(SHIPPED.glob("*.jsonl")) for pool in read_records(path))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")

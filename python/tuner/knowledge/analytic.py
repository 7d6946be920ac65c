# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranks a pool by a formula: waves, remainders, bytes moved, vectors, registers. For what nothing was recorded of.

A row costs the weighted sum of its faults, each a logarithm. Weights are those of a least-squares fit without negative
ones to recorded pools; a fault of weight 0 is left out. `benchmarks/fit_formula.py` fits them, and judges them on forms
left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tuner.constraints import Pool
from tuner.knowledge.traits import Array, Machine, Shape, traits
from tuner.search.models.predicted import Predicted

# The logarithm of a time by which each fault makes it longer, per factor of two.
CPU_WEIGHTS: Mapping[str, float] = {
    "remainders": 0.13,
    "remainders of vectors": 0.73,
    "bytes moved again": 0.067,
    "few accumulators": 0.13,
    "many accumulators": 0.029,
    "more than the nearest cache": 0.0066,
    "little reuse": 0.12,
    "long sums of vectors": 0.047,
}
GPU_WEIGHTS: Mapping[str, float] = {
    "idle processors": 0.29,
    "remainders": 0.26,
    "bytes moved again": 0.19,
    "steps": 0.041,
    "little reuse": 0.039,
    "short rows": 0.048,
    "few threads": 0.0044,
    "many threads": 0.13,
    "few accumulators of a lane": 0.12,
    "many accumulators of a lane": 0.034,
    "padding": 0.42,
}
# Logarithms to base 2: of registers, of a lane's accumulators, of threads, of bytes, of iterations.
_FEW_REGISTERS, _MANY_REGISTERS, _LANE_SUMS, _FEW_THREADS, _MANY_THREADS = 3, 4, 6, 7, 8
_NEAREST_CACHE, _SHORT_ROW, _SMALL_WORKGROUP, _LONG_SUM = 15, 6, 12, 3


def serves(kind: str, target: str) -> bool:
    """Whether the formula ranks such problems better than chance does, as far as records say.

    On GPUs it was no better for convolutions, attention and reductions if it was fitted to other forms.
    """
    return target == "cpu" or kind == "contraction"


def faults(shape: Shape, knobs: Sequence[str], values: Array, machine: Machine) -> Mapping[str, Array]:
    """What makes rows slow, by name: logarithms to base 2, from 0 for most, of shape [rows]."""
    found = traits(shape, knobs, values, machine)
    knob = {name: values[:, column] for column, name in enumerate(knobs)}
    none = np.zeros(len(values))
    threads, sums = knob.get("threads"), knob.get("lane_sums")
    log_threads = none if threads is None else np.log2(np.maximum(threads, 1))
    log_sums = none if sums is None else np.log2(np.maximum(sums, 1))
    return {
        "idle processors": -found["fill"],
        "remainders": found["waste"],
        "remainders of vectors": found["vector waste"],
        "bytes moved again": _above(found["moved"], 0),
        "part of a vector": _above(-found["vector"], 0),
        "few accumulators": _above(_FEW_REGISTERS - found["accumulators"], 0),
        "many accumulators": _above(found["accumulators"], _MANY_REGISTERS),
        "more than the nearest cache": _above(found["step bytes"], _NEAREST_CACHE),
        "steps": _above(found["steps"], 0),
        "little reuse": -found["reuse"],
        "narrow workgroups": _above(-found["row of a workgroup"], 0),
        "short rows": _above(_SHORT_ROW - found["contiguous"], 0),
        "small workgroups": _above(_SMALL_WORKGROUP - found["work"], 0),
        "long sums of vectors": _above(found["sums of a vector"], _LONG_SUM),
        "few threads": none if threads is None else _above(_FEW_THREADS - log_threads, 0),
        "many threads": _above(log_threads, _MANY_THREADS),
        "few accumulators of a lane": none if sums is None else _above(_LANE_SUMS - log_sums, 0),
        "many accumulators of a lane": _above(log_sums, _LANE_SUMS),
        "padding": np.asarray(knob.get("padded", none), dtype=np.float64),
    }


def cost(shape: Shape, knobs: Sequence[str], values: Array, machine: Machine, weights: Mapping[str, float]) -> Array:
    """The weighted sum of the faults: logarithms of relative times, shape [rows]."""
    found = faults(shape, knobs, values, machine)
    summed: Array = np.sum([weight * found[name] for name, weight in weights.items()], axis=0, dtype=np.float64)
    return summed


def _above(column: Array, least: float) -> Array:
    above: Array = np.maximum(column - least, 0.0)
    return above


class Analytic(Predicted):
    """What the formula says of every row of a pool."""

    # On the CPU and for products on a GPU the fit explains about a quarter of the variance on forms left out.
    sure = 0.25

    def __init__(self, problem: str, pool: Pool, machine: Machine, target: str, rows: npt.NDArray[np.int64]) -> None:
        """`problem`: its key. `rows`: those among which the best is sought."""
        self._shape, self._pool, self._machine = Shape.of(problem), pool, machine
        self._weights = CPU_WEIGHTS if target == "cpu" else GPU_WEIGHTS
        self._fill(rows)

    def log_times(self, rows: npt.NDArray[np.int64]) -> Array:
        knobs = [knob.name for knob in self._pool.knobs]
        values = self._pool.rows[rows].astype(np.float64)
        return cost(self._shape, knobs, values, self._machine, self._weights)

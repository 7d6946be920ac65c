# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes a computation outside MLIR: L1 distances between two sets of points, blocked, in NumPy.

D[i, j] = sum over k of |A[i, k] - B[j, k]|. NumPy makes a temporary of [rows, columns, features] for each block. If it
is too large it leaves the cache, if it is too small the interpreter takes most of the time.

    python examples/blocked_numpy.py
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial

import numpy as np

import tuner
from tuner.callables import CallableResult
from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Arithmetic

CACHE_BYTES = 2 * 2**20


def inputs(size: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A and B of [size, features], both f32."""
    rng = np.random.default_rng(seed)
    return rng.random((size, features), dtype=np.float32), rng.random((size, features), dtype=np.float32)


def distances(blocks: Mapping[str, int], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """D of [size, size], block by block."""
    d = np.zeros((len(a), len(b)), dtype=np.float32)
    for i in range(0, len(a), blocks["rows"]):
        for j in range(0, len(b), blocks["columns"]):
            rows, columns = slice(i, i + blocks["rows"]), slice(j, j + blocks["columns"])
            for k in range(0, a.shape[1], blocks["features"]):
                part = slice(k, k + blocks["features"])
                d[rows, columns] += np.abs(a[rows, None, part] - b[None, columns, part]).sum(axis=2)
    return d


def space(size: int, features: int) -> Space:
    """Blocks that divide the problem, with a temporary that fits the cache and is large enough for a call."""
    extents = {"rows": size, "columns": size, "features": features}
    knobs = {
        name: Knob(name, tuple(tile for tile in range(1, extent + 1) if extent % tile == 0))
        for name, extent in extents.items()
    }
    elements = knobs["rows"].var * knobs["columns"].var * knobs["features"].var
    return Space(
        tuple(knobs.values()),
        (
            Rule("the temporary and its absolute value fit the cache", 8 * elements <= CACHE_BYTES),
            Rule("a call of NumPy has 1024 elements to work on", elements >= 1024),
            Rule("features are contiguous: eight or more", knobs["features"].var >= min(8, features)),
        ),
    )


def tune(size: int, features: int, trials: int, *, progress: bool = False) -> CallableResult:
    """The blocks that are fastest; the default is one block."""
    return tuner.tune_callable(
        space(size, features),
        build=dict,
        run=distances,
        default={"rows": size, "columns": size, "features": features},
        inputs=partial(inputs, size, features),
        arithmetic=Arithmetic(terms=features, accumulator="f32", narrowest="f32"),
        clock="cpu",
        trials=trials,
        strategy="local",
        progress=progress,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Tunes blocked L1 distances in NumPy.")
    parser.add_argument("--size", type=int, default=512, help="points in each set")
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--trials", type=int, default=40)
    arguments = parser.parse_args()
    print(tune(arguments.size, arguments.features, arguments.trials, progress=True))  # noqa: T201


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes a computation outside MLIR: L1 distances between two sets of points, blocked, in NumPy.

D[i, j] = sum over k of |A[i, k] - B[j, k]|. NumPy makes a temporary of [rows, columns, features] for each block. If it
is too large it leaves the cache, if it is too small the interpreter takes most of the time. Constraints, search and
measuring are those that tune IREE's dispatches. No compiler is involved.

    python examples/blocked_numpy.py
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass

import numpy as np

from tuner.constraints import Knob, Pool, Rule, Space, enumerate_space
from tuner.dispatch import Arithmetic
from tuner.measuring import Runner
from tuner.measuring.sampling import paired_rounds, sample
from tuner.search.local import LocalStrategy
from tuner.speedup import is_decided, speedup
from tuner.targets import Device

CPU = Device("local-sync", (), "cpu", "1 thread")
TIMEOUT_S = 60.0
CACHE_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Problem:
    """A of [rows, features], B of [columns, features], both f32."""

    rows: int
    columns: int
    features: int


@dataclass(frozen=True)
class Blocked:
    """The computation with one choice of blocks, as a value that the runner's process can load."""

    problem: Problem
    row_block: int
    column_block: int
    feature_block: int

    def load(self, device_uri: str) -> LoadedBlocked:
        del device_uri
        return LoadedBlocked(self)


class LoadedBlocked:
    """The computation in memory."""

    def __init__(self, source: Blocked) -> None:
        self._source = source
        self.fill(0)

    def fill(self, seed: int) -> None:
        problem, rng = self._source.problem, np.random.default_rng(seed)
        self._a = rng.random((problem.rows, problem.features), dtype=np.float32)
        self._b = rng.random((problem.columns, problem.features), dtype=np.float32)
        self._d = np.full((problem.rows, problem.columns), np.nan, dtype=np.float32)

    def run(self, times: int) -> None:
        rows, columns, features = self._source.row_block, self._source.column_block, self._source.feature_block
        for _ in range(times):
            self._d[...] = 0
            for i in range(0, self._d.shape[0], rows):
                for j in range(0, self._d.shape[1], columns):
                    for k in range(0, self._a.shape[1], features):
                        a = self._a[i : i + rows, None, k : k + features]
                        b = self._b[None, j : j + columns, k : k + features]
                        self._d[i : i + rows, j : j + columns] += np.abs(a - b).sum(axis=2)

    def outputs(self) -> list[np.ndarray]:
        return [self._d.copy()]


def space(problem: Problem) -> Space:
    """Blocks that divide the problem, with a temporary that fits the cache and is large enough for a call."""
    rows, columns, features = (
        Knob(name, tuple(tile for tile in range(1, extent + 1) if extent % tile == 0))
        for name, extent in (("rows", problem.rows), ("columns", problem.columns), ("features", problem.features))
    )
    elements = rows.var * columns.var * features.var
    return Space(
        (rows, columns, features),
        (
            Rule("the temporary and its absolute value fit the cache", 8 * elements <= CACHE_BYTES),
            Rule("a call of NumPy has 1024 elements to work on", elements >= 1024),
            Rule("features are contiguous: eight or more", features.var >= min(8, problem.features)),
        ),
    )


@dataclass(frozen=True)
class Found:
    """The best blocks, and their speed-up over no blocks, with its interval."""

    best: Blocked
    ratio: object
    tried: int


def tune(problem: Problem, trials: int, seed: int = 0) -> Found:
    """Searches the space. Compares every candidate's output with that of the unblocked computation."""
    pool: Pool = enumerate_space(space(problem))
    rng = np.random.default_rng(seed)
    strategy = LocalStrategy(pool, rng, trials)
    plain = Blocked(problem, problem.rows, problem.columns, problem.features)
    arithmetic = Arithmetic(terms=problem.features, accumulator="f32", narrowest="f32")
    best, best_s, tried = plain, float("inf"), 0
    with Runner(CPU) as runner:
        runner.load("plain", plain)
        runner.reference("plain", 1, timeout_s=TIMEOUT_S)
        tolerances = runner.tolerances("plain", 1, arithmetic, timeout_s=TIMEOUT_S)
        while tried < trials and (rows := strategy.ask(1)):
            candidate = Blocked(problem, *pool.point(rows[0]).values())
            runner.load("candidate", candidate)
            verification, first_s = runner.check("candidate", 1, tolerances, timeout_s=TIMEOUT_S)
            if not verification.passed:
                raise RuntimeError(f"{candidate} computes something else: {verification.detail}")
            times = sample(runner, "candidate", first_s=first_s, timeout_s=TIMEOUT_S, give_up_above_s=1.5 * best_s)
            time_s = statistics.median(times)
            strategy.tell(rows[0], time_s)
            tried += 1
            if time_s < best_s:
                best, best_s = candidate, time_s
        runner.load("candidate", best)
        verification, _ = runner.check("candidate", 1, tolerances, timeout_s=TIMEOUT_S)
        if not verification.passed:
            raise RuntimeError(f"{best} computes something else: {verification.detail}")
        paired = paired_rounds(
            runner,
            "plain",
            "candidate",
            rng=rng,
            decided=lambda paired: is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0),
            timeout_s=TIMEOUT_S,
        )
    return Found(best, speedup(paired.baseline_s, paired.candidate_s), tried)


def main() -> None:
    parser = argparse.ArgumentParser(description="Tunes blocked L1 distances in NumPy.")
    parser.add_argument("--size", type=int, default=512, help="points in each set")
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--trials", type=int, default=40)
    arguments = parser.parse_args()
    problem = Problem(arguments.size, arguments.size, arguments.features)
    print(f"{len(enumerate_space(space(problem)))} solutions")  # noqa: T201
    found = tune(problem, arguments.trials)
    blocks = (found.best.row_block, found.best.column_block, found.best.feature_block)
    print(f"best of {found.tried}: blocks {blocks}, {found.ratio} against no blocks")  # noqa: T201


if __name__ == "__main__":
    main()

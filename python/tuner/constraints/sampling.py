# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples of a pool, never in solver order."""

from __future__ import annotations

import numpy as np

from tuner.constraints.space import Pool


def sample_uniform(pool: Pool, count: int, rng: np.random.Generator) -> list[int]:
    """`count` different rows (all of them if the pool is smaller), each set equally likely."""
    return [int(row) for row in rng.permutation(len(pool))[:count]]


def sample_space_filling(pool: Pool, count: int, rng: np.random.Generator, *, candidates: int = 2048) -> list[int]:
    """`count` rows that lie far from each other: greedy max-min distance from a random first row.

    The choice is made among `candidates` uniformly drawn rows, so it costs count * candidates * knobs.
    """
    drawn = np.array(sample_uniform(pool, min(candidates, len(pool)), rng), dtype=np.int64)
    features = Pool(pool.knobs, pool.rows[drawn]).features()
    chosen: list[int] = []
    distance = np.full(len(drawn), np.inf)
    position = 0
    for _ in range(min(count, len(drawn))):
        chosen.append(int(drawn[position]))
        distance = np.minimum(distance, ((features - features[position]) ** 2).sum(axis=1))
        distance[position] = -1.0
        position = int(distance.argmax())
    return chosen

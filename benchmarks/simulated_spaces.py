# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spaces from a formula: a tiled product on a machine whose figures are drawn at random.

A search's constants can be chosen on these without recorded spaces. The formula is not fitted to anything. Traffic
falls with the tile; a footprint beyond the cache costs time, and so do too few or too many lanes and threads; some
switches do nothing; rows whose footprint exceeds the memory fail.
"""

from __future__ import annotations

import numpy as np

from tuner.constraints import Knob, Pool

_SIZE = 4096
_TILES = (8, 16, 32, 64, 128, 256)


def simulated_space(seed: int, device: int = 0) -> tuple[Pool, np.ndarray]:
    """The pool, and the time of each row in milliseconds (NaN if it fails).

    Devices of one seed share their pool and about two thirds of their figures.
    """
    rng = np.random.default_rng(seed)
    own = np.random.default_rng((seed, device))

    def power(low: int, high: int) -> float:
        return 2.0 ** round(uniform(low - 0.5, high + 0.5))

    def uniform(low: float, high: float) -> float:
        shared, other = rng.uniform(low, high), own.uniform(low, high)
        return float(other if device and own.random() < 1 / 3 else shared)

    def off(values: np.ndarray, best: float, cost: float) -> np.ndarray:
        """The slowdown of each value: 1 + `cost` for each power of two between it and the best value."""
        factor: np.ndarray = 1 + cost * np.abs(np.log2(values / best))
        return factor

    knobs = (
        Knob("tile_m", _TILES),
        Knob("tile_n", _TILES),
        Knob("tile_k", (8, 16, 32, 64)),
        Knob("threads", (32, 64, 128, 256, 512)),
        Knob("lanes", (1, 2, 4, 8)),
        Knob("unroll", (1, 2, 4)),
        Knob("staged", (0, 1)),
        Knob("swizzled", (0, 1)),
        Knob("fixed", (7,)),
    )
    grid = np.stack(np.meshgrid(*[knob.domain for knob in knobs], indexing="ij"), axis=-1).reshape(-1, len(knobs))
    valid = np.flatnonzero(grid[:, 0] * grid[:, 1] >= grid[:, 3] * grid[:, 4])
    grid = grid[np.sort(rng.choice(valid, 8_000, replace=False))]
    tile_m, tile_n, tile_k, threads, lanes, unroll, staged, swizzled, _ = grid.T.astype(np.float64)
    work_each = tile_m * tile_n / threads
    compute = off(lanes, power(0, 3), uniform(0.3, 1.0)) * off(work_each, power(3, 7), uniform(0.3, 1.0))
    compute *= off(unroll, power(0, 2), uniform(0.0, 0.3))
    compute *= np.where(work_each * lanes > power(8, 10), uniform(1.5, 4.0), 1.0)
    cache = power(13, 16)
    footprint = 4 * tile_k * (tile_m + tile_n) * np.where(staged == 1, 1.0, 0.5)
    traffic = uniform(8, 64) * (1 / tile_m + 1 / tile_n)
    traffic *= np.where(footprint > cache, uniform(1.2, 3.0), 1.0)
    traffic *= np.where((swizzled == 0) & (staged == 1), uniform(1.0, 2.5), 1.0)
    tiles = _SIZE**2 / tile_m / tile_n
    waves = np.ceil(tiles / round(uniform(64, 160))) / tiles
    times = (np.maximum(compute, traffic) + 0.3 * np.minimum(compute, traffic)) * waves * 100
    times *= own.lognormal(0.0, 0.02, len(grid))
    times[footprint > 4 * cache] = np.nan
    return Pool(knobs, grid), times

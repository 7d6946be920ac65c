# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of every registered strategy, on synthetic landscapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tuner import registry
from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.errors import InputError

STRATEGIES = registry.names("tuner.strategies")


@pytest.fixture(name="pool", scope="module")
def make_pool() -> Pool:
    tiles = tuple(2**bit for bit in range(9))
    return enumerate_space(Space(tuple(Knob(name, tiles) for name in "mnk")))


def bowl(pool: Pool) -> np.ndarray:
    """Smooth, with its optimum inside: what tile sizes look like at their best."""
    return 1 + ((pool.features() - np.array([0.4, 0.7, 0.2])) ** 2).sum(axis=1)


def search(name: str, pool: Pool, trials: int, seed: int, time_of: Callable[[int], float | None]) -> list[int]:
    strategy = registry.load("tuner.strategies", name)(pool, np.random.default_rng(seed), trials)
    asked: list[int] = []
    while len(asked) < trials:
        rows = strategy.ask(min(8, trials - len(asked)))
        if not rows:
            break
        asked.extend(rows)
        for row in rows:
            strategy.tell(row, time_of(row))
    return asked


@pytest.mark.parametrize("name", STRATEGIES)
def test_never_asks_twice_nor_outside(name: str, pool: Pool) -> None:
    times = bowl(pool)
    asked = search(name, pool, 120, 0, lambda row: float(times[row]))
    assert len(asked) == len(set(asked)) == 120
    assert all(0 <= row < len(pool) for row in asked)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_asks_the_same_and_another_does_not(name: str, pool: Pool) -> None:
    times = bowl(pool)
    runs = [search(name, pool, 40, seed, lambda row: float(times[row])) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert set(runs[0]) != set(runs[2])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_small_pool_is_exhausted(name: str) -> None:
    pool = enumerate_space(Space((Knob("m", tuple(range(11))),)))
    assert sorted(search(name, pool, 50, 0, lambda row: 1.0 + row)) == list(range(11))


@pytest.mark.parametrize("name", STRATEGIES)
def test_failures_alone_do_not_stop_it(name: str, pool: Pool) -> None:
    assert len(search(name, pool, 60, 0, lambda _: None)) == 60


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "random"])
def test_an_earlier_search_helps(name: str, pool: Pool) -> None:
    """What was fast on a sibling device, whose times have another scale, is tried early."""
    times = bowl(pool)
    prior = {row: float(70 * times[row]) for row in range(0, len(pool), 7)}

    def best(given: dict[int, float]) -> float:
        strategy = registry.load("tuner.strategies", name)(pool, np.random.default_rng(0), 20, given)
        found = []
        for _ in range(5):
            for row in strategy.ask(4):
                found.append(times[row])
                strategy.tell(row, float(times[row]))
        return min(found)

    assert best(prior) <= best({})
    assert best(prior) < 1.02


def test_local_finds_more_than_random(pool: Pool) -> None:
    times = bowl(pool)

    def best(name: str, seed: int) -> float:
        return min(times[row] for row in search(name, pool, 60, seed, lambda row: float(times[row])))

    local = [best("local", seed) for seed in range(20)]
    random = [best("random", seed) for seed in range(20)]
    assert np.mean(local) < np.mean(random)
    assert np.mean(local) < 1.01


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no strategy named 'oracle'; choose one of: .*random"):
        registry.load("tuner.strategies", "oracle")

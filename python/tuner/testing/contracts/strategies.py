# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a search strategy, on synthetic landscapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.search import NO_PRIOR, Prior, Strategy

BATCH = 8


def searched(
    strategy: type[Strategy],
    pool: Pool,
    trials: int,
    seed: int,
    time_of: Callable[[int], float | None],
    prior: Prior = NO_PRIOR,
) -> list[int]:
    """The rows that a strategy asks for, in order, if each takes `time_of(row)` seconds (None: it fails)."""
    search = strategy(pool, np.random.default_rng(seed), trials, prior)
    asked: list[int] = []
    while len(asked) < trials:
        rows = search.ask(min(BATCH, trials - len(asked)))
        if not rows:
            break
        asked.extend(rows)
        for row in rows:
            search.tell(row, time_of(row))
    return asked


def bowl(pool: Pool, bottom: tuple[float, ...]) -> np.ndarray:
    """A time for each row [rows]: 1 plus the squared distance from a point of the scaled knobs."""
    distances: np.ndarray = ((pool.features() - np.array(bottom)) ** 2).sum(axis=1)
    return 1 + distances


class StrategyContract:
    """What every strategy keeps to. Give `strategy` as a fixture."""

    @pytest.fixture
    def strategy(self) -> type[Strategy]:
        """The class under test."""
        raise NotImplementedError("override the fixture `strategy`")

    @pytest.fixture
    def pool(self) -> Pool:
        """729 rows: three tiles, each a power of two."""
        tiles = tuple(2**bit for bit in range(9))
        return enumerate_space(Space(tuple(Knob(name, tiles) for name in "mnk")))

    def test_never_asks_twice_nor_outside(self, strategy: type[Strategy], pool: Pool) -> None:
        times = bowl(pool, (0.4, 0.7, 0.2))
        asked = searched(strategy, pool, 120, 0, lambda row: float(times[row]))
        assert len(asked) == len(set(asked)) == 120
        assert all(0 <= row < len(pool) for row in asked)

    def test_the_same_seed_asks_the_same_and_another_does_not(self, strategy: type[Strategy], pool: Pool) -> None:
        times = bowl(pool, (0.4, 0.7, 0.2))
        runs = [searched(strategy, pool, 40, seed, lambda row: float(times[row])) for seed in (5, 5, 6)]
        assert runs[0] == runs[1]
        assert set(runs[0]) != set(runs[2])

    def test_a_small_pool_is_exhausted(self, strategy: type[Strategy]) -> None:
        pool = enumerate_space(Space((Knob("m", tuple(range(11))),)))
        assert sorted(searched(strategy, pool, 50, 0, lambda row: 1.0 + row)) == list(range(11))

    def test_failures_alone_do_not_stop_it(self, strategy: type[Strategy], pool: Pool) -> None:
        assert len(searched(strategy, pool, 60, 0, lambda _: None)) == 60

    def test_one_row_that_runs_among_failures_is_handled(self, strategy: type[Strategy], pool: Pool) -> None:
        counter = iter(range(1000))
        asked = searched(strategy, pool, 60, 0, lambda _: 1.0 if next(counter) == 17 else None)
        assert len(set(asked)) == 60

    def test_more_may_be_asked_before_any_answer(self, strategy: type[Strategy], pool: Pool) -> None:
        search = strategy(pool, np.random.default_rng(0), 100)
        asked = [row for _ in range(10) for row in search.ask(10)]
        assert len(set(asked)) == 100

    def test_times_of_rows_that_others_asked_for_are_taken(self, strategy: type[Strategy], pool: Pool) -> None:
        """What was fastest in a similar dispatch is tried whether the strategy asks for it or not."""
        times = bowl(pool, (0.4, 0.7, 0.2))
        search = strategy(pool, np.random.default_rng(0), 60)
        asked: list[int] = []
        for advised in range(0, 729, 73):
            search.tell(advised, float(times[advised]))
            rows = search.ask(4)
            asked += rows
            for row in rows:
                search.tell(row, float(times[row]))
        assert len(asked) == len(set(asked)) == 40

    @pytest.mark.parametrize("time_s", [1e-9, 1.0, 1e9])
    def test_equal_times_are_handled(self, strategy: type[Strategy], pool: Pool, time_s: float) -> None:
        assert len(set(searched(strategy, pool, 60, 0, lambda _: time_s))) == 60

    def test_odd_pools_are_handled(self, strategy: type[Strategy]) -> None:
        """Negative values, a constant knob, one of whose domain one value is left, and rows that occur twice."""
        rng = np.random.default_rng(0)
        knobs = (Knob("a b", (-4, -1, 0, 3)), Knob("", (7,)), Knob("c", (1, 1000)), Knob("d", tuple(range(50))))
        columns = [rng.choice(np.array(knob.domain), 400) for knob in knobs]
        columns[2][:] = 1
        pool = Pool(knobs, np.stack(columns, axis=1).astype(np.int64))
        times = 1.0 + np.abs(pool.rows[:, 3] - 20) + pool.rows[:, 0] ** 2
        assert len(set(searched(strategy, pool, 60, 0, lambda row: float(times[row])))) == 60

    def test_equal_rows_are_handled(self, strategy: type[Strategy]) -> None:
        pool = Pool((Knob("m", (8, 16)),), np.full((30, 1), 8, dtype=np.int64))
        assert sorted(searched(strategy, pool, 40, 0, lambda _: 1.0)) == list(range(30))

    @pytest.mark.parametrize(
        "prior",
        [{}, {3: 1.0}, {3: 1.0, 4: 1.0}, {3: 0.0, 4: 2.0}, dict.fromkeys(range(729), 5.0)],
        ids=["none", "one row", "equal times", "a time of zero", "the whole pool"],
    )
    def test_any_prior_is_handled(self, strategy: type[Strategy], pool: Pool, prior: dict[int, float]) -> None:
        times = bowl(pool, (0.4, 0.7, 0.2))
        assert len(set(searched(strategy, pool, 40, 0, lambda row: float(times[row]), prior))) == 40

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What was measured of problems of the same form says where the next search begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.dispatch import Loop, Operand, Problem, form_of
from tuner.outcome import Fate
from tuner.runs.store import Store, Stored, digest, now
from tuner.search import NO_PRIOR, best_before
from tuner.search.models.expectation import Expectation, Observation, expect
from tuner.search.portfolio import PortfolioStrategy
from tuner.tuning.experience import Advisor, Experience

HERE = {"target": "cpu", "threads": 1}
TILES = tuple(2**bit for bit in range(9))


@pytest.fixture(name="pool", scope="module")
def make_pool() -> Pool:
    return enumerate_space(Space(tuple(Knob(name, TILES) for name in ("tile[m]", "tile[n]", "depth"))))


def sizes(m: int, n: int, k: int) -> dict[str, int]:
    return {"m": m, "n": n, "k": k}


def seconds(extents: Mapping[str, int], point: Mapping[str, int]) -> float:
    """A machine that wants tiles of a quarter of the rows, an eighth of the columns, and a depth of 16."""
    off = (point["tile[m]"] * 4 / extents["m"], point["tile[n]"] * 8 / extents["n"], point["depth"] / 16)
    return 1e-9 * math.prod(extents.values()) * (1 + sum(math.log2(each) ** 2 for each in off) / 10)


def observed(extents: Mapping[str, int], pool: Pool, count: int, seed: int) -> list[Observation]:
    points = [pool.point(int(row)) for row in np.random.default_rng(seed).permutation(len(pool))[:count]]
    return [Observation(extents, point, seconds(extents, point)) for point in points]


def product(m: int, n: int, k: int, element_type: str = "f32") -> Problem:
    roles: tuple[tuple[int, str], ...] = ((m, "m"), (n, "n"), (k, "k"))
    operand = Operand(element_type, "(d0, d1, d2) -> (d0, d2)", (0, 2))
    return Problem("contraction", tuple(Loop(extent, role) for extent, role in roles), (operand,))


def test_the_form_of_a_problem_leaves_out_its_sizes() -> None:
    form, extents = form_of(product(64, 128, 256).key)
    assert extents == sizes(64, 128, 256)
    assert form_of(product(1, 2, 3).key) == (form, sizes(1, 2, 3))
    assert form_of(product(64, 128, 256, "f16").key)[0] != form
    with pytest.raises(ValueError, match="unpack"):
        form_of("flags")


def test_other_sizes_teach_where_the_best_is(pool: Pool) -> None:
    """Tiles go with the extents: the best ones of this problem are no problem's that was seen."""
    taught = [each for size in (64, 256, 1024) for each in observed(sizes(size, size, 512), pool, 150, size)]
    here = sizes(256, 1024, 512)
    expectation = expect(pool, here, taught, np.random.default_rng(0))
    assert expectation is not None
    assert expectation.learnt_from == 450
    assert len(expectation) == len(pool)
    times = np.array([seconds(here, pool.point(row)) for row in range(len(pool))])
    expected = np.array([expectation[row] for row in range(len(pool))])
    assert np.corrcoef(np.log(times), np.log(expected))[0, 1] > 0.8
    assert times[best_before(expectation, 8)].min() < np.quantile(times, 0.02)
    assert np.allclose(expectation.log_times(np.array([3, 700])), np.log(expected[[3, 700]]))


def test_too_little_or_other_knobs_teach_nothing(pool: Pool) -> None:
    few = observed(sizes(64, 64, 64), pool, 19, 0)
    others = [Observation(sizes(64, 64, 64), {"tile": 4}, 1.0)] * 100
    of_another_form = observed(sizes(64, 64, 64), pool, 100, 0)
    rng = np.random.default_rng(0)
    assert expect(pool, sizes(32, 32, 32), [*few, *others], rng) is None
    assert expect(pool, {"m": 32, "k": 32}, of_another_form, rng) is None
    assert expect(pool, sizes(32, 32, 32), observed(sizes(64, 64, 64), pool, 20, 0), rng) is not None


def test_a_large_pool_is_expected_in_part() -> None:
    """The best is sought among a draw; any other row can still be asked about."""
    wide = enumerate_space(Space(tuple(Knob(name, tuple(range(1, 61))) for name in "abc")))
    rows = np.random.default_rng(0).permutation(len(wide))[:40]
    taught = [Observation({"k": 8}, wide.point(int(row)), 1.0 + int(row) / len(wide)) for row in rows]
    expectation = expect(wide, {"k": 16}, taught, np.random.default_rng(0))
    assert expectation is not None
    assert 0 < len(expectation) < len(wide)
    left = np.setdiff1d(np.arange(len(wide)), list(expectation))
    assert np.isfinite(expectation.log_times(left[:5])).all()
    strategy = PortfolioStrategy(wide, np.random.default_rng(0), 24, expectation)
    asked: list[int] = []
    while len(asked) < 24:
        rows_now = strategy.ask(8)
        asked += rows_now
        for row in rows_now:
            strategy.tell(row, 1.0 + row / len(wide))
    assert len(set(asked)) == 24
    assert asked[:8] == best_before(expectation, 8)


def found_by(pool: Pool, prior: Mapping[int, float], seed: int, trials: int, time_of: Callable[[int], float]) -> float:
    strategy = PortfolioStrategy(pool, np.random.default_rng(seed), trials, prior)
    asked: list[int] = []
    while len(asked) < trials:
        rows = strategy.ask(min(8, trials - len(asked)))
        asked += rows
        for row in rows:
            strategy.tell(row, time_of(row))
    assert len(set(asked)) == trials
    return min(time_of(row) for row in asked)


class Reversed(Expectation):
    """An expectation that has everything the wrong way round."""

    def log_times(self, rows: np.ndarray) -> np.ndarray:
        return -super().log_times(rows)


def test_what_was_learnt_helps_and_misleads_little(pool: Pool) -> None:
    taught = [each for size in (64, 256, 1024) for each in observed(sizes(size, size, 512), pool, 150, size)]
    here = sizes(256, 1024, 512)

    def time_of(row: int) -> float:
        return seconds(here, pool.point(row))

    best = min(time_of(row) for row in range(len(pool)))
    early: dict[str, float] = {}
    late: dict[str, float] = {}
    for name, make in (("none", None), ("learnt", Expectation), ("wrong", Reversed)):
        for trials, found in ((8, early), (40, late)):
            runs = []
            for seed in range(2):
                prior = make(pool, here, taught, np.random.default_rng(seed)) if make else NO_PRIOR
                runs.append(best / found_by(pool, prior, seed, trials, time_of))
            found[name] = float(np.mean(runs))
    assert early["learnt"] > early["none"]
    assert early["learnt"] > 0.97
    assert late["learnt"] >= late["none"] - 0.005
    assert late["wrong"] > late["none"] - 0.03


def test_a_store_teaches_what_had_ended_before(tmp_path: Path, pool: Pool) -> None:
    """Equal problems, choices of flags and what came later are passed over."""
    mine, other, rng = product(32, 32, 32), product(64, 64, 64), np.random.default_rng(0)
    with Store(tmp_path / "s.sqlite", HERE, "3.12.0") as store:
        for each in observed(sizes(64, 64, 64), pool, 30, 0):
            end = Stored(Fate.MEASURED, "", 0.1, each.time_s, 1.5, (each.time_s,))
            for problem in (mine, other):
                store.add(digest(problem.key), dict(each.point), end, problem.key, each.point)
        store.add(digest("model"), {"--flag": "2"}, end, "flags", {"--flag": "2"})
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        later = Experience.of(store, "2999-01-01T00:00:00Z")
        learnt = later.expectation(mine, pool, rng)
        assert learnt is not None
        assert learnt.learnt_from == 30
        assert not Experience.of(store, "2026-01-01T00:00:00Z").expectation(mine, pool, rng)
        unheard = Experience.of(store, "")
        assert not unheard.expectation(mine, pool, rng)
        for each in observed(sizes(64, 64, 64), pool, 20, 1):
            unheard.add(other.key, each.point, each.time_s)
        assert unheard.expectation(mine, pool, rng)
        assert not unheard.expectation(other, pool, rng)
    with Store(tmp_path / "s.sqlite", {"target": "cpu", "threads": 2}, "3.13.0") as store:
        assert not Experience.of(store, "2999-01-01T00:00:00Z").expectation(mine, pool, rng)
    assert now() > "2026-01-01T00:00:00Z"


def taught(speedups: Mapping[Problem, tuple[Mapping[str, int], float]], measured: int = 3) -> Experience:
    """What is known if these were the fastest candidates of problems, of so many that were measured."""
    experience = Experience()
    for problem, (point, speedup) in speedups.items():
        for _ in range(measured - 1):
            experience.add(problem.key, dict.fromkeys(point, 1), 1.0, 0.5)
        experience.add(problem.key, point, 1.0, speedup)
    return experience


def test_what_won_in_a_similar_problem_is_advised(pool: Pool) -> None:
    """The nearest problem's first. A tile of a whole loop stays one, other tiles stay as they are."""
    near, far = {"tile[m]": 64, "tile[n]": 16, "depth": 8}, {"tile[m]": 8, "tile[n]": 256, "depth": 32}
    experience = taught({product(64, 128, 64): (near, 2.0), product(256, 256, 256): (far, 3.0)})
    advisor = Advisor(experience, product(32, 128, 64), pool)
    assert advisor.speedups() == [2.0, 3.0]
    assert advisor.promised() == 3.0
    (first,) = advisor.rows(1)
    assert pool.point(first) == {"tile[m]": 32, "tile[n]": 16, "depth": 8}
    (second,) = advisor.rows(2)
    assert pool.point(second) == {"tile[m]": 8, "tile[n]": 128, "depth": 32}
    assert (advisor.rows(2), advisor.promised()) == ([], 1.0)


def test_a_better_candidate_is_advised_again(pool: Pool) -> None:
    point, better = {"tile[m]": 4, "tile[n]": 4, "depth": 4}, {"tile[m]": 8, "tile[n]": 8, "depth": 8}
    experience = taught({product(64, 64, 64): (point, 2.0)})
    advisor = Advisor(experience, product(32, 64, 64), pool)
    assert [pool.point(row) for row in advisor.rows(4)] == [point]
    experience.add(product(64, 64, 64).key, better, 1.0, 4.0)
    assert advisor.promised() == 4.0
    assert [pool.point(row) for row in advisor.rows(4)] == [better]


def test_who_gained_nothing_advises_nothing_and_counts(pool: Pool) -> None:
    point = {"tile[m]": 4, "tile[n]": 4, "depth": 4}
    here, there = product(32, 64, 64), product(64, 64, 64)
    slower = Advisor(taught({there: (point, 0.7)}), here, pool)
    assert (slower.rows(4), slower.promised(), slower.speedups()) == ([], 1.0, [1.0])
    for others in (
        taught({there: (point, 2.0)}, measured=2),
        taught({product(64, 64, 64, "f16"): (point, 2.0)}),
        taught({here: (point, 2.0)}),
    ):
        advisor = Advisor(others, here, pool)
        assert (advisor.rows(4), advisor.promised(), advisor.speedups()) == ([], 1.0, [])
    other_knobs = Advisor(taught({there: ({"tile": 4}, 2.0)}), here, pool)
    assert (other_knobs.rows(4), other_knobs.promised(), other_knobs.speedups()) == ([], 1.0, [2.0])

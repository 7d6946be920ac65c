# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well the strategies search, on synthetic landscapes. `tests/testing/test_contracts.py` has their contract."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from places import ROOT
from search_replay import read_recording
from tuner import plugins
from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.errors import InputError
from tuner.search import NO_PRIOR
from tuner.testing.contracts.strategies import bowl as bowl_of
from tuner.testing.contracts.strategies import searched

STRATEGIES = plugins.names("tuner.strategies")
LEARNING = [name for name in STRATEGIES if name != "random"]
REPLAY = ROOT / "benchmarks" / "search_replay.py"


@pytest.fixture(name="pool", scope="module")
def make_pool() -> Pool:
    tiles = tuple(2**bit for bit in range(9))
    return enumerate_space(Space(tuple(Knob(name, tiles) for name in "mnk")))


def bowl(pool: Pool) -> np.ndarray:
    """Smooth, with its optimum inside: what tile sizes look like at their best."""
    return bowl_of(pool, (0.4, 0.7, 0.2))


def search(
    name: str,
    pool: Pool,
    trials: int,
    seed: int,
    time_of: Callable[[int], float | None],
    prior: Mapping[int, float] = NO_PRIOR,
) -> list[int]:
    return searched(plugins.load("tuner.strategies", name), pool, trials, seed, time_of, prior)


@pytest.mark.parametrize("name", LEARNING)
def test_an_earlier_search_helps(name: str, pool: Pool) -> None:
    """What was fast on a sibling device, whose times have another scale, is tried early."""
    times = bowl(pool)
    prior = {row: float(70 * times[row]) for row in range(0, len(pool), 7)}

    def best(given: Mapping[int, float]) -> float:
        return float(times[search(name, pool, 20, 0, lambda row: float(times[row]), given)].min())

    assert best(prior) <= best({})
    assert best(prior) < 1.02


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(
    "prior",
    [{}, {3: 1.0}, {3: 1.0, 4: 1.0}, {3: 0.0, 4: 2.0}, dict.fromkeys(range(729), 5.0)],
    ids=["none", "one row", "equal times", "a time of zero", "the whole pool"],
)
def test_any_prior_is_borne(name: str, pool: Pool, prior: dict[int, float]) -> None:
    times = bowl(pool)
    asked = search(name, pool, 40, 0, lambda row: float(times[row]), prior)
    assert len(set(asked)) == 40
    assert times[asked].min() < np.quantile(times, 0.05)


def test_a_misleading_prior_costs_little(pool: Pool) -> None:
    """Times of a sibling that say nothing, and times that say the opposite."""
    times = bowl(pool)
    cold: list[float] = []
    shuffled: list[float] = []
    reversed_: list[float] = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(pool))[:100].tolist()
        unrelated = dict(zip(rows, rng.permutation(times[rows]).tolist(), strict=True))
        opposite = {row: float(1 / times[row]) for row in rows}
        for prior, found in (({}, cold), (unrelated, shuffled), (opposite, reversed_)):
            asked = search("portfolio", pool, 40, seed, lambda row: float(times[row]), prior)
            found.append(times[asked].min() / times.min())
    assert np.mean(shuffled) < np.mean(cold) + 0.01
    assert np.mean(reversed_) < np.mean(cold) + 0.01


@pytest.mark.parametrize("name", ["portfolio", "forest"])
def test_where_most_rows_fail_the_models_learn_which(name: str, pool: Pool) -> None:
    """Two rows of three fail, by a rule that the strategy does not know, and they would be the fastest."""
    times = bowl(pool)
    runs = pool.features()[:, 0] < 0.3
    shares, found = [], []
    for seed in range(2):
        asked = search(name, pool, 80, seed, lambda row: float(times[row]) if runs[row] else None)
        shares.append(np.mean(runs[asked[-40:]]))
        found.append(times[[row for row in asked if runs[row]]].min())
    assert np.mean(shares) > 1.2 * runs.mean()
    assert np.mean(found) < 1.01 * times[runs].min()


@pytest.mark.parametrize("name", ["portfolio", "forest"])
def test_a_pool_beyond_what_a_model_looks_at(name: str) -> None:
    rng = np.random.default_rng(0)
    knobs = tuple(Knob(each, tuple(range(1, 65))) for each in "abcd")
    pool = Pool(knobs, rng.integers(1, 65, (120_000, 4)))
    times = bowl_of(pool, (0.4, 0.7, 0.2, 0.5))
    asked = search(name, pool, 60, 0, lambda row: float(times[row]))
    assert len(set(asked)) == 60
    assert times[asked].min() < np.quantile(times, 0.001)


def test_local_finds_more_than_random(pool: Pool) -> None:
    times = bowl(pool)

    def best(name: str, seed: int) -> float:
        return min(float(times[row]) for row in search(name, pool, 60, seed, lambda row: float(times[row])))

    local = [best("local", seed) for seed in range(10)]
    random = [best("random", seed) for seed in range(10)]
    assert np.mean(local) < np.mean(random)
    assert np.mean(local) < 1.01


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no strategy named 'oracle'; choose one of: .*random"):
        plugins.load("tuner.strategies", "oracle")


def test_the_replay_reads_a_recorded_space_and_ends_with_json(tmp_path: Path) -> None:
    """Of sixty rows a third failed; all are asked for, so every strategy ends at the optimum."""
    rows = [f"{m},5,{'' if m % 3 == 0 else 1 + abs(m - 40)},{'' if m % 3 == 0 else 2 + abs(m - 40)}" for m in range(60)]
    space = tmp_path / "space.csv"
    space.write_text("\n".join(["m,constant,launch_00_ms,launch_01_ms", *rows]))
    options = ("--seeds", "2", "--strategies", "portfolio,random", "--curves", tmp_path, "--processes", "1")
    command = [sys.executable, str(REPLAY), str(space), *map(str, options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout.splitlines()[-1])
    assert result["strategy"] == "portfolio"
    assert result["fraction_at_100"] == 1.0
    assert 1 <= result["evaluations_to_95"] <= 60
    assert result["fraction_at_30"] <= result["fraction_at_60"]
    assert (tmp_path / "search_curves.svg").read_text().startswith("<svg")
    assert len((tmp_path / "search_curves.csv").read_text().splitlines()) == 1 + 2 * 100


def test_the_replay_refuses_a_file_without_launches(tmp_path: Path) -> None:
    space = tmp_path / "space.csv"
    space.write_text("m,n\n1,2\n")
    with pytest.raises(SystemExit, match=r"no launch_\*_ms columns"):
        read_recording(space)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known before anything is measured, and that measurements overrule it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from few_shot import Reversed, pool_of, searched
from tuner.constraints import Knob, Pool
from tuner.knowledge.analytic import Analytic, cost, serves
from tuner.knowledge.ranking import Knowledge, rank
from tuner.knowledge.records import RecordedPool, shipped_records
from tuner.knowledge.traits import Machine, Shape, masked, traits
from tuner.search import NO_PRIOR
from tuner.search.models.taught import Taught
from tuner.search.portfolio import PortfolioStrategy

PRODUCT = "contraction | m64 n256 k128 | f32 (d0, d1, d2) -> (d0, d2); f32 (d0, d1, d2) -> (d2, d1);"
PRODUCT += " f32 (d0, d1, d2) -> (d0, d1) |  | "
KNOBS = ("distribution[m]", "distribution[n]", "vector_common_parallel[m]", "vector_common_parallel[n]")


def named(name: str, *, current: bool = False) -> tuple[RecordedPool, list[RecordedPool]]:
    """A recorded product of the H200, and the pools of other kernels."""
    pools = shipped_records()
    found = [pool for pool in pools if pool.name == name and ("warpgroups" in pool.knobs) == current]
    return found[0], [pool for pool in pools if pool.name != name]


def rank_of(record: RecordedPool, others: Sequence[RecordedPool]) -> Taught:
    found = rank(record.problem, pool_of(record), record.machine, record.target, others, np.random.default_rng(0))
    assert isinstance(found, Taught)
    return found


@pytest.fixture(name="taught", scope="module")
def make_taught() -> tuple[RecordedPool, Taught]:
    record, others = named("gemm_512x4096x4096")
    return record, rank_of(record, others)


def test_other_sizes_say_what_is_fast(taught: tuple[RecordedPool, Taught]) -> None:
    record, ranked = taught
    best = np.nanmin(record.times_s)
    assert best / np.nanmin(record.times_s[ranked.first(4)]) > 0.9
    assert ranked.learnt_from > 1_000
    assert 0.5 < ranked.sure <= 1.0
    first = ranked.first(30)
    assert len(set(first)) == 30
    assert first[0] == min(ranked, key=ranked.__getitem__)


def test_few_candidates_do_what_many_did_untaught(taught: tuple[RecordedPool, Taught]) -> None:
    record, ranked = taught
    _, _, at_8, _, at_30 = searched(record, ranked, 0)
    assert at_8 > searched(record, NO_PRIOR, 0)[2]
    assert at_30 > 0.98


@pytest.mark.parametrize(("trials", "followed"), [(8, 4), (30, 8)])
def test_a_short_search_learns_after_four_rows_of_a_sure_word(
    trials: int, followed: int, taught: tuple[RecordedPool, Taught], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, ranked = taught
    monkeypatch.setattr(ranked, "sure", 0.9)
    strategy = PortfolioStrategy(pool_of(record), np.random.default_rng(0), trials, ranked)
    asked: list[int] = []
    for _ in range(2):
        rows = strategy.ask(4)
        asked += rows
        for row in rows:
            strategy.tell(row, float(np.nan_to_num(record.times_s[row], nan=1.0)))
    promised = ranked.first(8)
    assert asked[:followed] == promised[:followed]
    assert (asked == promised) == (followed == 8)


def test_a_wrong_word_is_overruled(taught: tuple[RecordedPool, Taught]) -> None:
    """It costs the first candidates; with thirty the search is near one that was told nothing.

    A single search ends anywhere from 0.69 to 1, and differently on processors of another kind.
    """
    record, ranked = taught
    wrong, untaught = (
        np.mean([searched(record, prior, seed) for seed in range(24)], axis=0) for prior in (Reversed(ranked), NO_PRIOR)
    )
    assert wrong[2] < 0.5
    assert wrong[4] > 0.9 * untaught[4]


def test_idle_processors_are_foreseen() -> None:
    """Of the recorded products this one alone cannot fill the processors, so no record shows what that costs."""
    record, others = named("gemm_384x1024x4096", current=True)
    fastest = np.nanmin(record.times_s)
    for seed in range(4):
        ranked = rank(record.problem, pool_of(record), record.machine, "cuda", others, np.random.default_rng(seed))
        assert ranked is not None
        assert np.nanmin(record.times_s[ranked.first(8)]) < 1.1 * fastest


def test_masked_vectors_are_foreseen() -> None:
    """A product of one row and 1001 columns, which no vector divides: it is fast if the remainder is peeled off."""
    pools = shipped_records()
    (record,) = (pool for pool in pools if pool.name == "gemm 1x1001x2048" and "AVX2" in pool.device)
    first = rank_of(record, [pool for pool in pools if pool.name != record.name]).first(4)
    assert np.nanmin(record.times_s) / np.nanmin(record.times_s[first]) > 0.9


def test_knobs_of_another_space_are_no_hindrance() -> None:
    """The old space's records lack most knobs of the present one."""
    record, others = named("gemm_512x4096x4096", current=True)
    old = [other for other in others if other.knobs != record.knobs]
    ranked = rank_of(record, old)
    assert ranked.learnt_from > 0
    assert sorted(ranked) == list(range(len(record.rows)))


def test_nothing_is_known_of_other_targets_and_kinds() -> None:
    record, others = named("sum_512x4096")
    pool, rng = pool_of(record), np.random.default_rng(0)
    products = [other for other in others if other.name.startswith("gemm")]
    assert rank(record.problem, pool, record.machine, "cuda", products, rng) is None
    assert rank(record.problem, pool, record.machine, "rocm", others, rng) is None
    empty = Pool(pool.knobs, pool.rows[:0])
    assert rank(record.problem, empty, record.machine, "cuda", others, rng) is None


def test_a_formula_ranks_what_nothing_was_recorded_of() -> None:
    record, _ = named("gemm_512x4096x4096")
    ranked = rank(record.problem, pool_of(record), record.machine, "rocm", [], np.random.default_rng(0))
    assert isinstance(ranked, Analytic)
    assert ranked.learnt_from == 0
    half = np.argsort([ranked[row] for row in range(len(record.rows))])[: len(record.rows) // 2]
    assert np.nanmedian(record.times_s[half]) < np.nanmedian(record.times_s)
    assert Knowledge().records == ()
    assert serves("attention", "cpu")
    assert not serves("attention", "rocm")


def traits_of(row: Sequence[int]) -> dict[str, float]:
    found = traits(Shape.of(PRODUCT), KNOBS, np.array([row], dtype=np.float64), Machine(8, 64))
    return {name: float(2.0 ** column[0]) for name, column in found.items()}


def test_traits_are_what_tiles_mean() -> None:
    found = traits_of((32, 64, 4, 32))
    assert found["waves"] == 1.0
    assert found["fill"] == 1.0
    assert found["waste"] == 1.0
    assert found["accumulators"] == pytest.approx(8.0)
    assert found["vector"] == pytest.approx(2.0)
    # A workgroup reads 32 rows and 64 columns of 128 sums each, and writes its tile.
    assert found["held"] == pytest.approx(4 * (32 * 128 + 64 * 128 + 32 * 64))
    assert found["problem's work"] == 64 * 256 * 128
    assert traits_of((48, 64, 4, 32))["waste"] == pytest.approx(1.5)
    assert traits_of((64, 128, 4, 32))["fill"] == pytest.approx(0.25)


def test_vectors_are_masked_if_they_leave_a_remainder_that_is_not_peeled() -> None:
    rows = np.array([(1, 1, 8, 32, 0), (1, 1, 8, 32, 1), (1, 1, 7, 77, 0), (1, 1, 8, 36, 0)], dtype=np.float64)
    knobs = ("vector_common_parallel[m]", "distribution[m]", "vector_common_parallel[n]", "distribution[n]", "peel")
    ragged = Shape.of(PRODUCT.replace("m64 n256", "m1 n1001"))
    assert masked(ragged, knobs, rows).tolist() == [1, 0, 0, 1]
    assert masked(Shape.of(PRODUCT), knobs, rows).tolist() == [0, 0, 1, 1]
    assert masked(ragged, knobs[:4], rows[:, :4]).tolist() == [0, 0, 0, 0]


def test_the_formula_prefers_whole_tiles_and_vectors() -> None:
    def costs(row: Sequence[int]) -> float:
        weights = {"remainders": 1.0, "part of a vector": 1.0, "idle processors": 1.0}
        values = np.array([row], dtype=np.float64)
        return float(cost(Shape.of(PRODUCT), KNOBS, values, Machine(8, 64), weights)[0])

    assert costs((32, 64, 4, 32)) == 0.0
    assert costs((48, 64, 4, 32)) > 0.0
    assert costs((32, 64, 4, 8)) == pytest.approx(1.0)
    assert costs((64, 128, 4, 32)) == pytest.approx(2.0)


def test_the_very_problem_counts_if_it_was_recorded() -> None:
    record, others = named("gemm_384x1024x4096", current=True)
    ranked = rank_of(record, [record, *others])
    assert np.nanmin(record.times_s) / np.nanmin(record.times_s[ranked.first(4)]) > 0.95


def test_a_pool_of_one_row_is_ranked() -> None:
    record, others = named("gemm_512x4096x4096", current=True)
    one = replace(record, rows=record.rows[:1], times_s=record.times_s[:1])
    assert rank_of(one, others).first(8) == [0]


def test_a_knob_that_no_record_has_is_borne() -> None:
    record, others = named("gemm_512x4096x4096", current=True)
    pool = pool_of(record)
    wider = Pool((*pool.knobs, Knob("another", (0, 1))), np.column_stack([pool.rows, pool.rows[:, 0] % 2]))
    found = rank(record.problem, wider, record.machine, "cuda", others, np.random.default_rng(0))
    assert found is not None
    assert np.isfinite(found.log_times(np.arange(len(wider)))).all()

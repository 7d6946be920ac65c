# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which candidates a bundle sends, by what is known of their knobs and what their binaries say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tuner.bundle.choosing import compiled_for, worth_compiling
from tuner.compile.pool import CompileJob
from tuner.constraints import Knob, Pool, Space, enumerate_space
from tuner.dispatch import BenchmarkProgram
from tuner.facts import BinaryFacts
from tuner.outcome import Candidate, Compilation, Fate
from tuner.search.models.predicted import Array, Predicted
from tuner.targets.cpu import CpuTarget

# How a candidate ends: the content of its binary and the bytes that it spills; None: it does not compile.
Ends = Callable[[int], tuple[str, int] | None]


class Descending(Predicted):
    """The last row is expected to be the fastest."""

    def __init__(self, rows: int) -> None:
        self._fill(np.arange(rows))

    def log_times(self, rows: np.ndarray) -> Array:
        return -rows.astype(np.float64)


@pytest.fixture(name="pool", scope="module")
def make_pool() -> Pool:
    return enumerate_space(Space((Knob("m", tuple(range(10))), Knob("n", tuple(range(10))))))


def compile_as(ends: Ends) -> Callable[[Sequence[CompileJob]], list[Compilation]]:
    """A compiler whose candidates end as `ends` says; the default has a binary of its own, which spills."""

    def end_of(job: CompileJob) -> Compilation:
        said = ("default", 8) if job.candidate.is_default else ends(job.candidate.number)
        if said is None:
            return Compilation(job.candidate, Fate.COMPILE_FAILED, "too large", 0.1, job.log)
        content, spilled = said
        job.binary.write_text(content)
        facts = BinaryFacts("sm_80", spill_store_bytes=spilled)
        return Compilation(job.candidate, Fate.COMPILED, "", 0.1, job.log, job.binary, facts=facts)

    return lambda jobs: [end_of(job) for job in jobs]


@pytest.fixture(name="jobs")
def make_jobs(tmp_path: Path) -> list[CompileJob]:
    """The default and nine candidates."""
    program = BenchmarkProgram("", "", "run", "set", 0, ())
    files = [(tmp_path / f"{number}.vmfb", tmp_path / f"{number}.log") for number in range(10)]
    return [
        CompileJob(program, "dispatch", Candidate(number), CpuTarget(), binary, log)
        for number, (binary, log) in enumerate(files)
    ]


def numbers(ends: Sequence[Compilation]) -> list[int]:
    return [end.candidate.number for end in ends]


def test_three_of_four_rows_are_the_promising_ones_in_order(pool: Pool) -> None:
    rows = worth_compiling(pool, Descending(len(pool)), 16, np.random.default_rng(0))
    assert len(set(rows)) == len(rows) == 24
    assert [row for row in rows if row >= 88] == list(range(99, 87, -1))
    assert rows[:3] == [99, 98, 97]
    assert rows[3] < 88


@pytest.mark.parametrize("ranked", [None, Descending(100)], ids=["nothing known", "ranked"])
def test_a_small_pool_is_taken_whole(ranked: Predicted | None, pool: Pool) -> None:
    assert sorted(worth_compiling(pool, ranked, 80, np.random.default_rng(0))) == list(range(100))


def test_if_all_are_good_no_more_are_compiled(jobs: list[CompileJob]) -> None:
    chosen = compiled_for(6, jobs, compile_as(lambda number: (str(number), 0)))
    assert numbers(chosen.sent) == list(range(7))
    assert (chosen.left_out, chosen.note) == ((), "")
    assert not jobs[7].binary.exists()


def test_what_fails_spills_or_is_no_new_binary_is_replaced(jobs: list[CompileJob]) -> None:
    """Candidate 1 fails, 2 and 3 spill, 4 is the default once more."""
    ends = {1: None, 2: ("2", 400), 3: ("3", 4), 4: ("default", 0)}
    chosen = compiled_for(6, jobs, compile_as(lambda number: ends.get(number, (str(number), 0))))
    # Five of nine are good. Of those that spill the one with less is sent, to make six.
    assert numbers(chosen.sent) == [0, 1, 3, 5, 6, 7, 8, 9]
    assert numbers(chosen.left_out) == [2, 4]
    assert chosen.note == "1 spill registers, 1 have the binary of another"


def test_if_all_spill_the_least_are_sent(jobs: list[CompileJob]) -> None:
    chosen = compiled_for(6, jobs, compile_as(lambda number: (str(number), 100 - number)))
    assert numbers(chosen.sent) == [0, 4, 5, 6, 7, 8, 9]

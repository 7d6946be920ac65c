# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The store: evaluations survive, are found again, are shared by processes, and a run that was killed goes on."""

from __future__ import annotations

import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import samples
import tuner
from commands import assert_fails, here
from tuner.dispatch import BenchmarkProgram, Region
from tuner.errors import InputError
from tuner.events import CandidateEnded, Event
from tuner.facts import BinaryFacts
from tuner.outcome import Candidate, Compilation, Fate
from tuner.runs.store import Store, Stored, digest, subject_of

HERE = {"target": "cpu", "threads": 1}
FAST = Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3, 2.1e-3))
ON_A_GPU = replace(FAST, facts=BinaryFacts("sm_90", registers=168, workgroup_size=(128, 1, 1), loop={"mma": 32}))
SLOW_AT_EDGES = Stored(Fate.MEASURED, "", 0.1, 6e-3, 0.5, (2e-3,), 3.0)


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    subject = digest("a program")
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        assert store.find(subject, {"tile": 4}) is None
        store.add(subject, {"tile": 4}, FAST, "problem", {"tile": 4})
        store.add(
            subject, {"tile": 8}, Stored(Fate.WRONG_RESULT, "differs", 0.1, None, None, ()), "problem", {"tile": 8}
        )
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        assert store.find(subject, {"tile": 4}) == FAST
        for tile, stored in ((16, SLOW_AT_EDGES), (32, ON_A_GPU)):
            store.add(subject, {"tile": tile}, stored, "problem", {"tile": tile})
            assert store.find(subject, {"tile": tile}) == stored
        failed = store.find(subject, {"tile": 8})
        assert failed is not None
        assert failed.fate is Fate.WRONG_RESULT


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [
        ({}, True),
        ({"entry": "named otherwise", "default_text": "configured otherwise"}, True),
        ({"ir_text": "other IR"}, False),
        ({"regions": ()}, False),
        ({"flags": ("--other",)}, False),
    ],
)
def test_a_dispatch_is_known_by_what_it_computes_on_which_data(fields: dict[str, Any], is_same: bool) -> None:
    """And by the flags of its compilation, not by how the compiler configured it."""
    region = Region(0, (4,), "f32", "write")
    program = BenchmarkProgram("IR", "configured IR", "run", "set_buffer", 16, (region,), ("--flag",))
    assert (subject_of(replace(program, **fields)) == subject_of(program)) == is_same


@pytest.mark.parametrize("stored", [FAST, SLOW_AT_EDGES, ON_A_GPU])
def test_what_is_kept_is_what_a_resumed_run_has(stored: Stored) -> None:
    compilation = Compilation(Candidate(3), Fate.COMPILED, "", 0.1, Path("log"), facts=stored.facts)
    assert Stored.of(stored.evaluation(compilation)) == stored


@pytest.mark.parametrize(
    ("where", "compiler", "content"),
    [
        ({"target": "cpu", "threads": 2}, "3.13.0", "a program"),
        (HERE, "3.12.0", "a program"),
        (HERE, "3.13.0", "other"),
    ],
)
def test_other_circumstances_are_another_evaluation(
    where: dict[str, Any], compiler: str, content: str, tmp_path: Path
) -> None:
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        store.add(digest("a program"), {"tile": 4}, FAST, "problem", {"tile": 4})
    with Store(tmp_path / "s.sqlite", where, compiler) as store:
        assert store.find(digest(content), {"tile": 4}) is None


def test_another_compilers_times_are_a_warm_start_only(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite", HERE, "3.12.0") as store:
        store.add(digest("a program"), {"tile": 4}, FAST, "problem", {"tile": 4})
        assert store.earlier("problem") == []
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        ((point, time_s),) = store.earlier("problem")
        assert point == {"tile": 4}
        assert time_s == pytest.approx(1 / 1.5)
        assert store.earlier("another problem") == []


def _fill(path: Path, first: int) -> None:
    with Store(path, HERE, "3.13.0") as store:
        for tile in range(first, first + 200):
            store.add(digest("a program"), {"tile": tile}, FAST, "problem", {"tile": tile})


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(_fill, [path] * 3, [0, 100, 300]))
    with Store(path, HERE, "3.13.0") as store:
        assert all(store.find(digest("a program"), {"tile": tile}) == FAST for tile in range(500))


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_text("my notes, kept for years. " * 100)
    with pytest.raises(InputError, match="cannot be used as a store"):
        Store(path, HERE, "3.13.0")
    assert path.read_text().startswith("my notes")


def test_a_full_disk_is_an_error_that_keeps_what_was_there(tmp_path: Path) -> None:
    """As for a quota: the kernel lets no file grow beyond a few pages more than the store has."""
    with Store(tmp_path / "s.sqlite", HERE, "3.13.0") as store:
        store.add(digest("a program"), {"tile": 4}, FAST, "problem", {"tile": 4})
        unlimited, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 17, hard))
        try:
            with pytest.raises(InputError, match="is kept"):
                for tile in range(1000):
                    store.add(digest("a program"), {"tile": tile + 10}, FAST, "problem" * 50, {"tile": tile})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, hard))
        assert store.find(digest("a program"), {"tile": 4}) == FAST


@pytest.mark.runs
@pytest.mark.slow
def test_equal_candidates_are_not_measured_twice(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(101, 211, 103))
    ended: list[list[CandidateEnded]] = []
    binaries = []
    for run in ("first", "second"):
        heard: list[Event] = []
        result = tuner.tune(
            model,
            trials=8,
            keep_flags=True,
            flags=(samples.NO_PEELING,),
            store=tmp_path / "store.sqlite",
            run_dir=tmp_path / run,
            listen=heard.append,
        )
        every = [event for event in heard if isinstance(event, CandidateEnded)]
        ended.append([event for event in every if not event.evaluation.candidate.is_default])
        binaries.append(len(list((tmp_path / run / "candidates").rglob("*.vmfb"))))
        assert result.dispatches[0].winner is not None
    first, second = ([(each.evaluation.candidate.row, each.evaluation.samples_s) for each in run] for run in ended)
    assert first == second
    # The finalists alone are compiled again, for the final measures anew.
    assert binaries[1] <= binaries[0]


@pytest.mark.parametrize(("arguments", "says"), [((), "name it by --run-dir"), (("--run-dir", "none"), "holds no run")])
def test_nothing_to_resume_is_said(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(8, 8, 8))
    monkeypatch.chdir(tmp_path)
    assert_fails(here("run", "model.mlir", "--resume", *arguments, output=capfd), 2, says)

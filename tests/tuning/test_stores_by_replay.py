# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What somebody else has measured is not measured again: searches on machines that replay, with stores of others."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatch import Dispatch
from tuner.evaluate.final import finalists
from tuner.events import CandidateEnded, Event, Note
from tuner.outcome import Fate
from tuner.runs.exchange import export_store, import_into, read_records
from tuner.runs.store import line_of
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp, RecordedStore, Recording
from tuner.testing.replay import DEVICE, Behaviour, Course, Slip
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.result import DispatchResult

LIMITS = Limits(vector_bytes=64, threads=1)
TRIALS = 16


def product(name: str, size: int) -> Dispatch:
    loops = [("m", size), ("n", 2 * size), ("k", size)]
    return replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), name)


# Of one form: each teaches the other.
PRODUCTS = (product("first", 64), product("second", 96))


@dataclass(frozen=True)
class Wrong:
    """Every candidate computes something else than the default."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        del dispatch
        return Behaviour(1e-3) if choice == "default" else Behaviour(1e-3, course=Course.WRONG)


@dataclass(frozen=True)
class Slipping:
    """Made up. Candidates that are twice as fast as the default are wrong in their nineteenth run."""

    made_up: MadeUp = MadeUp()  # noqa: RUF009

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        known = self.made_up.behaviour(dispatch, choice)
        return replace(known, slip=Slip(run=19)) if known.time_s < 0.5 * self.made_up.default_s else known


@dataclass(frozen=True)
class Heard:
    """Another recording, and all that was asked of it."""

    recording: Recording
    asked: set[tuple[str, str]] = field(default_factory=set)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        self.asked.add((dispatch, line_of(choice)))
        return self.recording.behaviour(dispatch, choice)


def tuned(
    folder: Path,
    recording: Recording,
    dispatches: Sequence[Dispatch] = PRODUCTS,
    strategy: str = "portfolio",
    **options: Any,
) -> tuple[list[DispatchResult], list[Event]]:
    events: list[Event] = []
    machines = ReplayMachines.of(recording)
    with workbench(folder, machines, listen=events.append, strategy=strategy, trials=TRIALS, **options) as bench:
        return tune_dispatches(bench, dispatches, LIMITS, bench.budget), events


def ended(events: Sequence[Event]) -> list[CandidateEnded]:
    found = [event for event in events if isinstance(event, CandidateEnded)]
    return [event for event in found if not event.evaluation.candidate.is_default]


def of_last_year(store: Path) -> Path:
    """A store whose candidates ended long before the next run starts."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("update evaluations set ended = '2025-12-31T00:00:00Z'")
    return store


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_that_knows_everything_measures_nothing(seed: int, tmp_path: Path) -> None:
    """But the default, and for a final its finalists: also with a seed that asks otherwise."""
    for name, recording in (("wrong", Wrong()), ("right", MadeUp())):
        theirs, _ = tuned(tmp_path / f"{name}-theirs", recording)
        store, heard = of_last_year(tmp_path / f"{name}-theirs" / "store.sqlite"), Heard(recording)
        mine, events = tuned(tmp_path / f"{name}-mine", heard, seed=seed, read_only=[store])
        assert len(ended(events)) == 2 * TRIALS
        assert all(event.stored for event in ended(events))
        asked = {(result.dispatch.name, line_of("default")) for result in mine}
        for result, before in zip(mine, theirs, strict=True):
            assert (result.winner is None) == (before.winner is None) == (name == "wrong")
            if result.winner is not None and before.winner is not None:
                assert result.winner.candidate.configuration == before.winner.candidate.configuration
            best = finalists(result.evaluations)
            asked |= {(result.dispatch.name, line_of(finalist.candidate.choice)) for finalist in best}
        assert heard.asked == asked
        assert name == "right" or len(asked) == 2
    notes = [event.text for event in events if isinstance(event, Note)]
    assert f"first: {TRIALS} of its candidates are known from earlier runs" in notes


def test_what_came_in_a_file_is_not_measured_again(tmp_path: Path) -> None:
    """Not by a second dispatch either, which the first now teaches from the start."""
    tuned(tmp_path / "theirs", MadeUp())
    export_store(of_last_year(tmp_path / "theirs" / "store.sqlite"), tmp_path / "team.jsonl.gz")
    import_into(tmp_path / "system.sqlite", tmp_path / "team.jsonl.gz")
    _, events = tuned(tmp_path / "mine", MadeUp(), read_only=[tmp_path / "system.sqlite"])
    assert len(ended(events)) == 2 * TRIALS
    assert all(event.stored for event in ended(events))


def test_more_trials_begin_where_the_others_ended(tmp_path: Path) -> None:
    tuned(tmp_path / "theirs", MadeUp(), PRODUCTS[:1])
    store = of_last_year(tmp_path / "theirs" / "store.sqlite")
    with closing(sqlite3.connect(store)) as connection, connection:
        kept = "select choice from evaluations order by choice limit 8"
        connection.execute(f"delete from evaluations where choice not in ({kept})")
    _, events = tuned(tmp_path / "mine", MadeUp(), PRODUCTS[:1], seed=1, read_only=[store])
    assert [event.stored for event in ended(events)] == [True] * 8 + [False] * (TRIALS - 8)


@pytest.mark.parametrize("strategy", ["portfolio", "random"])
def test_equal_seeds_ask_the_same_in_the_same_order(strategy: str, tmp_path: Path) -> None:
    runs = []
    for name, read_only in (("first", []), ("second", [tmp_path / "first" / "store.sqlite"])):
        runs.append(tuned(tmp_path / name, MadeUp(), PRODUCTS[:1], strategy, read_only=read_only)[1])
        of_last_year(tmp_path / name / "store.sqlite")
    first, second = ([event.evaluation.candidate.row for event in ended(events)] for events in runs)
    assert first == second
    assert all(event.stored for event in ended(runs[1]))


def test_random_search_asks_as_if_nothing_was_known(tmp_path: Path) -> None:
    """Its questions do not depend on answers, whoever has them."""
    tuned(tmp_path / "theirs", MadeUp(), PRODUCTS[:1])
    store = of_last_year(tmp_path / "theirs" / "store.sqlite")
    without = tuned(tmp_path / "without", MadeUp(), PRODUCTS[:1], "random")[1]
    beside = tuned(tmp_path / "beside", MadeUp(), PRODUCTS[:1], "random", read_only=[store])[1]
    first, second = ([event.evaluation.candidate.row for event in ended(events)] for events in (without, beside))
    assert first == second


def test_an_exchanged_file_can_be_replayed(tmp_path: Path) -> None:
    """By what the file says of the default and of each candidate; a run from it finds the same winner."""
    results, _ = tuned(tmp_path / "theirs", MadeUp(), PRODUCTS[:1])
    export_store(tmp_path / "theirs" / "store.sqlite", tmp_path / "team.jsonl.gz")
    assert PRODUCTS[0].problem is not None
    recorded = RecordedStore.read(tmp_path / "team.jsonl.gz", {"mine": PRODUCTS[0].problem.key})
    default = recorded.behaviour("mine", "default")
    assert default is not None
    assert default.time_s == pytest.approx(4e-3)
    for evaluation in results[0].evaluations[1:]:
        behaviour = recorded.behaviour("mine", evaluation.candidate.choice)
        assert behaviour is not None
        assert behaviour.time_s == evaluation.time_s
    assert recorded.behaviour("mine", {"pipeline": "another"}) is None
    assert results[0].winner is not None
    again, _ = tuned(tmp_path / "mine", recorded, [product("mine", 64)])
    assert again[0].winner is not None
    assert again[0].winner.candidate.configuration == results[0].winner.candidate.configuration
    with pytest.raises(ValueError, match="has no timed candidate of other"):
        RecordedStore.read(tmp_path / "team.jsonl.gz", {"other": "contraction m3 | | |"})


def test_who_fails_the_harder_check_is_kept_as_wrong_and_not_tried_again(tmp_path: Path) -> None:
    """In the log as in the store; the same run with the same store begins with what is known."""
    store = tmp_path / "first" / "store.sqlite"
    found: list[DispatchResult] = []
    for name, known in (("first", ()), ("again", (store,))):
        machines = ReplayMachines.of(Slipping(), device=replace(DEVICE, may_race=True))
        with workbench(tmp_path / name, machines, trials=TRIALS, read_only=known) as bench:
            found += tune_dispatches(bench, PRODUCTS[:1], LIMITS, bench.budget)
    first, again = found
    assert first.winner is not None
    assert first.winner.time_s is not None
    assert first.winner.time_s >= 2e-3
    log = (tmp_path / "first" / "log.jsonl").read_text()
    wrong = log.count('"event": "finalist failed"')
    assert wrong > 0
    assert "in run 19 of 20: output 0 differs" in log
    kept = [record.stored for record in read_records(store) if record.stored.fate is Fate.WRONG_RESULT]
    assert len(kept) == wrong
    assert all(end.time_s is None and end.speedup is None for end in kept)
    assert '"event": "finalist failed"' not in (tmp_path / "again" / "log.jsonl").read_text()
    assert again.winner is not None
    assert again.winner.candidate.choice == first.winner.candidate.choice

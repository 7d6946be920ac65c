# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which entries the proof keeps. The results are those of replayed searches; what a model says of entries is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.events import Event, Note, nobody
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.bisection import UNTRIED, Bisection
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.result import DispatchResult
from tuner.tuning.run_specs import dropped, winners_of

SIZES = (16, 24, 32, 40, 48, 56, 64)
NAMES = tuple(f"product {size}" for size in SIZES)
Verdict = Callable[[Set[str]], bool]


@pytest.fixture(name="results", scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> list[DispatchResult]:
    """Seven dispatches with a winner each."""
    dispatches = [
        replayed_dispatch(problem("contraction", [("m", size), ("n", size), ("k", size)], (0, 2), (2, 1), (0, 1)), name)
        for name, size in zip(NAMES, SIZES, strict=True)
    ]
    folder = tmp_path_factory.mktemp("bisection") / "run"
    with workbench(folder, ReplayMachines.of(MadeUp(), noise=0.001), trials=12) as bench:
        results = tune_dispatches(bench, dispatches, Limits(64, 1), bench.budget)
    assert len(winners_of(results)) == len(NAMES)
    return results


def names_of(results: Sequence[DispatchResult]) -> set[str]:
    return {result.dispatch.name for result in winners_of(results)}


def bisected(
    results: Sequence[DispatchResult], holds: Verdict, *, tries: int = 1000
) -> tuple[list[DispatchResult], list[Event]]:
    """What is kept if entries `holds` together or not, and what was reported. `tries`: verdicts there is time for."""
    asked: list[Set[str]] = []
    events: list[Event] = []

    def reason_against(results: Sequence[DispatchResult], after_s: float) -> str | None:
        del after_s
        asked.append(names_of(results))
        return None if holds(asked[-1]) else "the model is slower"

    bisection = Bisection(reason_against, dropped, events.append, 1.0, lambda: float(tries - len(asked)))
    return bisection.paying(results), events


@given(bad=st.sets(st.sampled_from(NAMES)))
def test_exactly_the_entries_that_do_not_pay_are_dropped(results: list[DispatchResult], bad: set[str]) -> None:
    kept, events = bisected(results, lambda names: not names & bad)
    assert names_of(kept) == {*NAMES} - bad
    assert [result.dispatch for result in kept] == [result.dispatch for result in results]
    for result in kept:
        if result.dispatch.name in bad:
            assert result.verdict == "the default stays: the model is slower"
    assert bool(events) == bool(bad)


def test_if_all_entries_fail_none_is_kept(results: list[DispatchResult]) -> None:
    kept, events = bisected(results, lambda names: not names)
    assert names_of(kept) == set()
    single = [event.text for event in events if isinstance(event, Note) and "its entry is dropped" in event.text]
    assert len(single) == len(NAMES)


def test_entries_that_harm_together_alone_are_all_dropped(results: list[DispatchResult]) -> None:
    """Each half pays, both together do not: nobody knows which entry is to blame."""
    kept, events = bisected(results, lambda names: len(names) <= 4)
    assert names_of(kept) == set()
    assert isinstance(events[-1], Note)
    assert events[-1].text == "every entry is dropped: the model is slower"


def test_entries_that_there_is_no_time_to_try_are_dropped(results: list[DispatchResult]) -> None:
    kept, _ = bisected(results, lambda names: not names & {NAMES[0]}, tries=3)
    untried = {result.dispatch.name for result in kept if result.verdict == f"the default stays: {UNTRIED}"}
    assert untried
    assert names_of(kept).isdisjoint(untried | {NAMES[0]})


def test_without_winners_nothing_is_asked(results: list[DispatchResult]) -> None:
    none = [dropped(result, "gone") for result in results]

    asked: list[float] = []
    bisection = Bisection(lambda _, after_s: asked.append(after_s), dropped, nobody)
    assert bisection.paying(none) == none
    assert asked == []


def test_the_entries_that_save_most_are_tried_first(results: list[DispatchResult]) -> None:
    asked: list[set[str]] = []

    def reason_against(results: Sequence[DispatchResult], after_s: float) -> str | None:
        del after_s
        asked.append(names_of(results))
        return "slower" if len(asked) == 1 else None

    Bisection(reason_against, dropped, nobody).paying(results)
    saved = {result.dispatch.name: saving_s(result) for result in results}
    largest = sorted(saved, key=lambda name: -saved[name])[: len(asked[1])]
    assert asked[1] == set(largest)


def saving_s(result: DispatchResult) -> float:
    assert result.winner is not None
    assert result.winner.time_s is not None
    default_s = result.evaluations[0].time_s
    assert default_s is not None
    return default_s - result.winner.time_s

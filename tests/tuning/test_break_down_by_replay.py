# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the time of a model goes, on machines that replay: no compiler runs and nothing is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatch import Dispatch
from tuner.events import Event, PhaseStarted
from tuner.rates.breakdown import Breakdown, total_s
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.replay import Behaviour, Clock, Course
from tuner.tuning.break_down import break_down_model
from tuner.tuning.dispatches import tune_dispatches

PRODUCT = problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1))
SUM = problem("reduction", [("parallel", 64), ("k", 128)], (0, 1), (0,))
# A product, another dispatch of the same problem that runs twice, one without a space, one that cannot be run alone.
DISPATCHES = (
    replayed_dispatch(PRODUCT, "product"),
    replayed_dispatch(PRODUCT, "twin", runs=2),
    replayed_dispatch(SUM, "sum"),
    Dispatch("dynamic", untunable="its shapes are dynamic"),
)
FLAGGED = tuple(replace(dispatch, name=f"flagged_{dispatch.name}") for dispatch in DISPATCHES)
DEFAULT_S = {"product": 4e-3, "twin": 4e-3, "sum": 1e-3, "flagged_product": 3e-3, "flagged_sum": 5e-4}


@dataclass(frozen=True)
class Timed:
    """Defaults take what `DEFAULT_S` says, those in `broken` crash; every candidate takes a quarter."""

    broken: tuple[str, ...] = ()

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        if choice == "default":
            course = Course.CRASH if dispatch in self.broken else Course.RIGHT
            return Behaviour(DEFAULT_S[dispatch], course=course, compile_s=1.0)
        return Behaviour(DEFAULT_S[dispatch] / 4)


def broken_down(
    folder: Path, recording: Timed, *, flagged: bool = False, gained: bool = True
) -> tuple[Breakdown, list[str]]:
    """The breakdown after a run that tuned the product alone, and the phases that it took."""
    phases: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            phases.append(event.text)

    tuned = FLAGGED if flagged else DISPATCHES
    machines = ReplayMachines.of(recording)
    with workbench(folder / "run", machines, listen=listen, trials=4) as bench:
        results = tune_dispatches(bench, tuned[:1], Limits(64, 1), bench.budget)
        phases.clear()
        return break_down_model(bench, DISPATCHES, tuned if gained else (), results, reserve_s=0.0), phases


def seconds(breakdown: Breakdown) -> tuple[list[float | None], list[float | None]]:
    return [one.seconds for one in breakdown.untuned], [one.seconds for one in breakdown.tuned]


def test_every_dispatch_has_its_time_before_and_after(tmp_path: Path) -> None:
    """What the search timed is not timed again, and a dispatch of the same problem takes the same time."""
    breakdown, phases = broken_down(tmp_path, Timed())
    before, after = seconds(breakdown)
    assert before == [pytest.approx(4e-3), pytest.approx(4e-3), pytest.approx(1e-3), None]
    assert after == [pytest.approx(1e-3), pytest.approx(1e-3), pytest.approx(1e-3), None]
    assert [dispatch.is_tuned for dispatch in breakdown.tuned] == [True, True, False, False]
    assert not any(dispatch.is_tuned for dispatch in breakdown.untuned)
    assert total_s(breakdown.untuned) == pytest.approx(3 * 4e-3 + 1e-3)
    assert phases == ["where the time goes: timing 1 dispatches alone"]
    assert [dispatch.problem for dispatch in breakdown.untuned][2:] == ["reduction parallel64 k128 f32", ""]


def test_with_other_flags_the_untuned_model_is_timed_by_itself(tmp_path: Path) -> None:
    breakdown, phases = broken_down(tmp_path, Timed(), flagged=True)
    before, after = seconds(breakdown)
    assert before == [pytest.approx(4e-3), pytest.approx(4e-3), pytest.approx(1e-3), None]
    assert after == [pytest.approx(3e-3 / 4), pytest.approx(3e-3 / 4), pytest.approx(5e-4), None]
    assert len(phases) == 2


def test_a_default_that_does_not_run_has_no_time(tmp_path: Path) -> None:
    breakdown, _ = broken_down(tmp_path, Timed(broken=("sum",)))
    assert seconds(breakdown)[0] == [pytest.approx(4e-3), pytest.approx(4e-3), None, None]


def test_if_the_default_stays_there_is_one_model(tmp_path: Path) -> None:
    breakdown, _ = broken_down(tmp_path, Timed(), gained=False)
    assert breakdown.tuned == ()
    assert total_s(breakdown.untuned) == pytest.approx(3 * 4e-3 + 1e-3)


@pytest.mark.parametrize(("reserve_s", "timed"), [(0.0, 3), (9.5, 0)])
def test_what_there_is_no_time_for_is_left_out(tmp_path: Path, reserve_s: float, timed: int) -> None:
    machines = ReplayMachines.of(Timed(), clock=Clock())
    with workbench(tmp_path / "run", machines, budget_s=9.0) as bench:
        breakdown = break_down_model(bench, DISPATCHES, (), (), reserve_s)
    assert sum(dispatch.seconds is not None for dispatch in breakdown.untuned) == timed

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flags against choices for convolutions, on machines that replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pins import all_but
from tuner.dispatch import Dispatch, Loop
from tuner.evaluate.budget import Budget
from tuner.events import Event, FlagsTried, Note
from tuner.op_choices import InputOp, OpChoice
from tuner.speedup import Ratio
from tuner.testing.machines import ReplayMachines, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.problems import problem
from tuner.testing.replay import Behaviour
from tuner.tuning.flag_search import choose_flags
from tuner.tuning.op_search import ChosenOps
from tuner.tuning.rivals import flags_are_better

UNROLLING = "--iree-llvmcpu-loop-unrolling"
IMAGE = [("image", 56), ("image", 56)]
K_BY_K = problem(
    "convolution", [*IMAGE, ("channel", 64), ("window", 3), ("window", 3), ("k", 64)], (-1, -1, 5), (3, 4), ()
)
CONVOLUTION = InputOp("linalg.conv_2d_nchw_fchw", ("tensor<1x64x58x58xf32>",), (Loop(3, "window"),))


@dataclass(frozen=True)
class Flags:
    """A model of 10 ms whose flags each multiply its time by a factor."""

    factors: Mapping[str, float]

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        assert dispatch == "model"
        time_s = 10e-3
        for flag in () if choice == "default" else choice:
            time_s *= self.factors.get(flag, 1.0)
        return Behaviour(time_s)


def ops(speedup: float, op: InputOp = CONVOLUTION) -> ChosenOps:
    choice = OpChoice("winograd", "on", op)
    return ChosenOps((choice,), (), Path("ops.vmfb"), Ratio(speedup, 0.98 * speedup, 1.02 * speedup))


def judged(
    folder: Path, gave: ChosenOps, factors: Mapping[str, float], budget_s: float | None = None
) -> tuple[bool, list[Event]]:
    events: list[Event] = []
    known = Flags(factors)
    machines = ReplayMachines.of(known, noise=0.001)
    pins = all_but("loop-unrolling", "opt-level", "aggressive-fusion")
    with workbench(folder / "run", machines, listen=events.append, keep_flags=False, pins=pins) as bench:
        plain = replayed_plain_model(bench, known)
        budget = Budget(budget_s)
        better = flags_are_better(bench, plain, [Dispatch("d0", K_BY_K)], gave, budget, 0.0)
        if budget_s is not None:
            choose_flags(bench, plain, [Dispatch("d0", K_BY_K)], budget, 0.0)
    return better, events


def test_flags_that_give_more_leave_nothing_to_choices_for_ops(tmp_path: Path) -> None:
    better, events = judged(tmp_path, ops(1.2), {UNROLLING: 0.4})
    assert better
    assert 1 <= sum(isinstance(event, FlagsTried) for event in events) <= 4
    (note,) = [event.text for event in events if isinstance(event, Note) and "flags alone give" in event.text]
    assert note.startswith("Nothing is chosen for single ops: that gives 1.20x")


def test_flags_that_give_less_than_they_promise_change_nothing(tmp_path: Path) -> None:
    better, events = judged(tmp_path, ops(1.2), {})
    assert not better
    assert any(isinstance(event, FlagsTried) for event in events)


@pytest.mark.parametrize("gave", [ops(20.0), ops(1.2, InputOp("linalg.matmul", (), (Loop(64, "k"),)))])
def test_flags_are_not_tried_if_they_promise_less_or_go_with_the_choices(tmp_path: Path, gave: ChosenOps) -> None:
    better, events = judged(tmp_path, gave, {UNROLLING: 0.4})
    assert not better
    assert not any(isinstance(event, FlagsTried) for event in events)


def test_a_budget_that_affords_no_flags_is_reported_once(tmp_path: Path) -> None:
    """By the search of flags that comes next in a run."""
    better, events = judged(tmp_path, ops(1.2), {UNROLLING: 0.4}, budget_s=0.1)
    assert not better
    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert note.startswith("The flags stay as they are: one choice and its comparison would take about")

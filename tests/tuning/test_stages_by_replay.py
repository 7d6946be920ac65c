# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stages that choose anew what an earlier one chose, on machines that replay: nothing is compiled or measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flags_chosen import PLAIN_S, TILING, Chosen, Timed, after_flags, product, with_rival
from tuner.events import CandidateEnded, Note, OpChoiceTried, PhaseStarted
from tuner.model.model import PREPROCESSING_FLAG
from tuner.speedup import Ratio
from tuner.tuning.op_search import ChosenOps
from tuner.tuning.stages import Known, search_ops_again, tune


def tried(run: Chosen) -> list[OpChoiceTried]:
    return [event for event in run.events if isinstance(event, OpChoiceTried)]


def test_what_pays_beside_the_flags_is_chosen_with_them(tmp_path: Path) -> None:
    """It is compared with the model that has the flags. What was chosen says so, and the speed-ups multiply."""
    with after_flags(tmp_path, Timed(ops=0.8)) as run:
        then = search_ops_again(run.bench, run.known)
    assert then.ops is not None
    assert then.ops.beside_flags
    assert then.ops.ratio.value == pytest.approx(1 / 0.8, rel=0.02)
    assert {choice.op.name for choice in then.ops.choices} == {"linalg.conv_2d_nchw_fchw"}
    first, *others = then.flags.flags
    assert first == TILING
    assert any(flag.startswith(PREPROCESSING_FLAG) for flag in others)
    assert then.flags.ratio is not None
    assert then.flags.ratio.value == pytest.approx(2 / 0.8, rel=0.02)
    assert then.flags.run_s == pytest.approx(0.8 * PLAIN_S / 2, rel=0.02)
    assert [dispatch.name for dispatch in then.extracted.dispatches] == ["theirs"]


def test_what_does_not_pay_beside_the_flags_changes_nothing(tmp_path: Path) -> None:
    with after_flags(tmp_path, Timed(ops=1.2)) as run:
        assert search_ops_again(run.bench, run.known) is run.known
        assert tried(run)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"values": {"opt-level": "O3"}}, id="the ops are as they were"),
        pytest.param({"ratio": None}, id="the flags were not measured"),
        pytest.param({"binary": None}, id="there is nothing to compare with"),
    ],
)
def test_ops_are_not_searched_again_without_a_reason(tmp_path: Path, fields: dict[str, Any]) -> None:
    with after_flags(tmp_path, Timed()) as run:
        known = run.with_flags(**fields)
        assert search_ops_again(run.bench, known) is known
        assert tried(run) == []


def test_ops_that_were_chosen_before_the_flags_stay(tmp_path: Path) -> None:
    with after_flags(tmp_path, Timed()) as run:
        known = replace(run.known, ops=ChosenOps((), (), Path("ops.vmfb"), Ratio(1.2, 1.1, 1.3)))
        assert search_ops_again(run.bench, known) is known
        assert tried(run) == []


@pytest.mark.parametrize("beside_flags", [False, True])
def test_a_rival_that_wins_drops_what_was_chosen_beside_the_other_flags(tmp_path: Path, beside_flags: bool) -> None:
    """What was chosen before the flags applies to the rival's too."""
    with after_flags(tmp_path, Timed(), product("ours"), budget_s=200.0, trials=24) as run:
        known = with_rival(run, beside_flags)
        then = tune(run.bench, known)
    assert then.flags == known.flags.rival
    assert then.ops == (None if beside_flags else known.ops)
    (result,) = then.results
    assert result.dispatch.name == "theirs"
    assert result.winner is not None
    ended = [event.dispatch for event in run.events if isinstance(event, CandidateEnded)]
    assert set(ended) == {"ours", "theirs"}
    assert ended.index("theirs") > ended.index("ours")


# Six dispatches, of which the first takes most of the time.
MANY = {"theirs": (128, 256, 128), **{f"small{number}": (8, 16, 8 * number) for number in range(1, 6)}}


def left_alone(known: Known) -> list[str]:
    """The dispatches whose defaults were never timed."""
    return [result.dispatch.name for result in known.results if result.verdict.endswith("its default was timed")]


def test_a_race_needs_the_dispatches_that_hold_most_of_the_time(tmp_path: Path) -> None:
    """Those that did not take part are searched too if the rival wins."""
    recording = Timed(default_s={name: 4.6e-3 if name == "theirs" else 1e-4 for name in MANY})
    with after_flags(tmp_path, recording, product("ours"), rivals=MANY, budget_s=60.0, trials=4) as run:
        known = with_rival(run, beside_flags=False)
        then = tune(run.bench, known)
    assert then.flags == known.flags.rival
    phases = [event.text for event in run.events if isinstance(event, PhaseStarted)]
    # A batch of four was timed before the race.
    assert [text for text in phases if text.startswith("timing defaults")] == [
        f"timing defaults of dispatches: {count}" for count in (1, 6, 2)
    ]
    assert {result.dispatch.name for result in then.results} == set(MANY)
    assert left_alone(then) == []


def test_without_time_for_most_of_a_rivals_dispatches_there_is_no_race(tmp_path: Path) -> None:
    """All take the same time here, and the budget has time for one batch of them."""
    recording = Timed(default_s=dict.fromkeys(MANY, 6e-4))
    with after_flags(tmp_path, recording, product("ours"), rivals=MANY, budget_s=6.0, trials=8) as run:
        known = with_rival(run, beside_flags=False)
        then = tune(run.bench, known)
    assert then.flags == known.flags
    assert [result.dispatch.name for result in then.results] == ["ours"]
    compiled = list((tmp_path / "run" / "rival" / "candidates").iterdir())
    assert 1 < len(compiled) < len(MANY)
    assert not any(isinstance(event, Note) and "the search continues" in event.text for event in run.events)


def test_flags_that_stay_ahead_keep_what_was_chosen_beside_them(tmp_path: Path) -> None:
    with after_flags(tmp_path, Timed(), product("theirs"), budget_s=200.0, trials=24) as run:
        known = with_rival(run, beside_flags=True)
        then = tune(run.bench, known)
    assert then.flags == known.flags
    assert then.ops == known.ops
    assert not run.bench.folder.overtaken.exists()
    assert any(isinstance(event, Note) and "the search continues" in event.text for event in run.events)

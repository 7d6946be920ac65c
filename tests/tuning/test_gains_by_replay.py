# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run hands to its report after the proof: the gain of each part, and the dispatches of both models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatches.extract import Extracted
from tuner.measuring import Tolerance, Verification
from tuner.measuring.sampling import Paired
from tuner.speedup import Gains, Ratio
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.problems import problem
from tuner.testing.replay import Behaviour
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.op_search import ChosenOps
from tuner.tuning.prove import Proof
from tuner.tuning.result import ModelResult
from tuner.tuning.stages import Known, break_down
from tuner.tuning.workbench import Workbench

OPS, FLAGS, SPEC, ALL = Ratio(2.0, 1.9, 2.1), Ratio(3.0, 2.9, 3.1), Ratio(1.5, 1.4, 1.6), Ratio(4.5, 4.4, 4.6)
SUM = replayed_dispatch(problem("reduction", [("parallel", 64), ("k", 128)], (0, 1), (0,)), "sum")
OTHER = replace(SUM, name="other")


@dataclass(frozen=True)
class Steady:
    """Everything takes a millisecond."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        del dispatch, choice
        return Behaviour(1e-3)


@pytest.fixture(name="bench")
def make_bench(tmp_path: Path) -> Iterator[Workbench]:
    with workbench(tmp_path / "run", ReplayMachines.of(Steady())) as bench:
        yield bench


def known(bench: Workbench, *, flags: FlagChoice, ops: ChosenOps | None = None, proof: Proof | None = None) -> Known:
    """A run whose untuned model has the dispatch "sum", and "other" if it is compiled with the flags."""
    dispatch = OTHER if flags.flags else SUM
    extracted = Extracted((dispatch,), ("main",), Limits(64, 1), "a processor", (), 0.0)
    plain = replayed_plain_model(bench, Steady())
    return Known(plain, extracted, flags, ops=ops, proof=proof, untuned=(SUM,))


def proof_of(model: bool, *, spec_gain: Ratio | None = None, flags_hold: bool = True) -> Proof:
    compared = ModelResult(Paired((4.5e-3,), (1e-3,)), ALL, Verification(True, 0.0, "", Tolerance()), (4,))
    return Proof("", "", (), compared if model else None, Path("model.vmfb"), flags_hold, spec_gain=spec_gain)


def test_each_part_has_its_gain_over_the_untuned_model(bench: Workbench) -> None:
    proof = proof_of(model=True, spec_gain=SPEC)
    chosen = ChosenOps((), ("--ops",), Path("ops.vmfb"), OPS)
    both = known(bench, flags=FlagChoice({}, ("--ops", "--flag"), FLAGS), ops=chosen, proof=proof)
    assert both.gains == Gains(OPS, FLAGS, SPEC, ALL)
    ops_alone = known(bench, flags=FlagChoice({}, ("--ops",), OPS), ops=chosen, proof=proof)
    assert ops_alone.gains == Gains(OPS, None, SPEC, ALL)
    # Beside flags the choices were compared with the model with these, not with the untuned one.
    joint = replace(both, ops=replace(chosen, beside_flags=True))
    assert joint.gains == Gains(None, FLAGS, SPEC, ALL, is_joint=True)
    spec_alone = known(bench, flags=FlagChoice({}, ()), proof=proof)
    assert spec_alone.gains == Gains(None, None, SPEC, ALL)


def test_without_a_faster_model_nothing_gives_anything(bench: Workbench) -> None:
    assert known(bench, flags=FlagChoice({}, ())).gains is None
    assert known(bench, flags=FlagChoice({}, ()), proof=proof_of(model=False)).gains is None


def test_both_models_are_broken_down(bench: Workbench) -> None:
    flagged = known(bench, flags=FlagChoice({}, ("--flag",), FLAGS), proof=proof_of(model=True))
    breakdown = break_down(bench, flagged).breakdown
    assert breakdown is not None
    assert [dispatch.name for dispatch in breakdown.untuned] == ["sum"]
    assert [dispatch.name for dispatch in breakdown.tuned] == ["other"]
    assert breakdown.tuned[0].seconds == pytest.approx(1e-3)


@pytest.mark.parametrize("proof", [proof_of(model=False), proof_of(model=True, flags_hold=False)])
def test_if_the_untuned_model_stays_it_alone_is_broken_down(bench: Workbench, proof: Proof) -> None:
    breakdown = break_down(bench, known(bench, flags=FlagChoice({}, ("--flag",), FLAGS), proof=proof)).breakdown
    assert breakdown is not None
    assert ([dispatch.name for dispatch in breakdown.untuned], breakdown.tuned) == (["sum"], ())


def test_without_a_proof_nothing_is_timed(bench: Workbench) -> None:
    assert break_down(bench, known(bench, flags=FlagChoice({}, ()))).breakdown is None

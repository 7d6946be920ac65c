# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run leaves that ends before its last stage, on machines that replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flags_chosen import LAYOUT, TILING, Chosen, Timed, after_flags, product, with_rival
from tuner.errors import DeviceLostError
from tuner.events import DispatchEnded, Event, Note
from tuner.specs.read import read_spec
from tuner.tuning.road import through
from tuner.tuning.stages import Known, prove_model, tune
from tuner.tuning.workbench import Workbench


def interrupt(bench: Workbench, known: Known) -> Known:
    """A stage in which the user presses Ctrl-C."""
    del bench, known
    raise KeyboardInterrupt


def measure(bench: Workbench, known: Known) -> Known:
    """A stage that measures something."""
    bench.runner.check_device()
    return known


def notes_of(run: Chosen) -> str:
    return "\n".join(event.text for event in run.events if isinstance(event, Note))


def test_the_winners_of_a_rival_that_took_over_are_kept_with_its_flags(tmp_path: Path) -> None:
    with after_flags(tmp_path, Timed(), product("ours"), budget_s=200.0, trials=24) as run:
        with pytest.raises(KeyboardInterrupt):
            through((tune, interrupt), run.bench, with_rival(run, beside_flags=True), ("replay",))
        text = run.bench.folder.unproved.read_text()
        assert read_spec(run.bench.folder.unproved).flags == (LAYOUT,)
    assert text.count("transform.iree.match.contraction") == 1
    assert "NOT PROVED" in text
    assert "1 verified winner so far" in notes_of(run)
    assert not run.bench.folder.result.exists()


def test_winners_found_after_a_takeover_are_not_kept_with_the_flags_that_were_overtaken(tmp_path: Path) -> None:
    """The stage that the user interrupts has not returned the rival's flags."""

    def listen(event: Event) -> None:
        if isinstance(event, DispatchEnded):
            raise KeyboardInterrupt

    with after_flags(tmp_path, Timed(), product("ours"), listen=listen, budget_s=200.0, trials=24) as run:
        with pytest.raises(KeyboardInterrupt):
            through((tune,), run.bench, with_rival(run, beside_flags=True), ("replay",))
        (ended,) = [event for event in run.events if isinstance(event, DispatchEnded)]
        assert (ended.dispatch, ended.is_tuned) == ("theirs", True)
        assert not run.bench.folder.unproved.exists()


def test_a_run_that_is_interrupted_after_its_proof_keeps_what_was_proved(tmp_path: Path) -> None:
    with after_flags(tmp_path, Timed()) as run:
        run.bench.folder.unproved.write_text("an earlier attempt could not prove this")
        with pytest.raises(KeyboardInterrupt):
            through((prove_model, interrupt), run.bench, run.known, ("replay",))
        assert_proved(run)


def test_a_device_that_is_lost_after_the_proof_takes_nothing_with_it(tmp_path: Path) -> None:
    def lose(bench: Workbench, known: Known) -> Known:
        del bench
        run.device.is_lost = True
        return known

    with after_flags(tmp_path, Timed()) as run:
        with pytest.raises(DeviceLostError):
            through((prove_model, lose, measure), run.bench, run.known, ("replay",))
        assert_proved(run)


def assert_proved(run: Chosen) -> None:
    result = json.loads(run.bench.folder.result.read_text())
    assert result["flags"] == [TILING]
    assert result["model"]["ratio"]["value"] == pytest.approx(2.0, rel=0.02)
    assert read_spec(run.bench.folder.spec).flags == (TILING,)
    assert not run.bench.folder.unproved.exists()

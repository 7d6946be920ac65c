# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Knobs that the user fixed: candidates have these values, and what reaches no dispatch is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import samples
import tuner
from commands import assert_fails, here, iree_tune, write
from tuner.bundle.manifest import read_manifest
from tuner.errors import InputError
from tuner.events import Event, Note
from tuner.jsonable import from_given
from tuner.options import Options
from tuner.runs.record import asked_of
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, ReplayTarget, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.fixes import check_fixes

LIMITS = Limits(vector_bytes=64, threads=1)
PRODUCT = replayed_dispatch(
    problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)), "product"
)
SMALL = replayed_dispatch(problem("contraction", [("m", 8), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)), "small")
SUM = replayed_dispatch(problem("reduction", [("m", 64), ("k", 128)], (0, 1), (0,)), "sum")
TILE = "vector_common_parallel[m]"


def check(fixes: dict[str, Any]) -> list[Event]:
    said: list[Event] = []
    options = from_given(Options, {"fixes": fixes})
    check_fixes([PRODUCT, SMALL, SUM], ReplayTarget(), LIMITS, options, said.append)
    return said


def test_candidates_have_the_fixed_values_and_the_default_is_candidate_0(tmp_path: Path) -> None:
    fixes: dict[str, int | tuple[int, ...]] = {TILE: (2, 4), "cpu-double-tiling-contraction:distribution[m]": 64}
    with workbench(tmp_path / "run", ReplayMachines.of(MadeUp()), trials=12, fixes=fixes) as bench:
        product, small, other = tune_dispatches(bench, [PRODUCT, SMALL, SUM], LIMITS, bench.budget)
    default, *candidates = product.evaluations
    assert default.candidate.configuration is None
    assert len(candidates) == 12
    assert {evaluation.candidate.point[TILE] for evaluation in candidates} == {2, 4}
    assert {evaluation.candidate.point["distribution[m]"] for evaluation in candidates} == {64}
    assert "'distribution[m]' cannot be 64; choose among: 1, 2, 4, 8" in small.verdict
    assert {evaluation.candidate.point[TILE] for evaluation in other.evaluations[1:]} == {2, 4}
    assert len({evaluation.candidate.point["distribution[m]"] for evaluation in other.evaluations[1:]}) > 1


@pytest.mark.parametrize(
    ("fixes", "says"),
    [
        ({"tile": 2}, "no dispatch of the model has the knob 'tile' that --fix names; there are: cpu-double-tiling-"),
        ({"cpu-mmt4d:peel": 0}, "no dispatch of the model has the knob 'cpu-mmt4d:peel' that --fix names; iree-tune"),
        ({TILE: [2, 9]}, f"'{TILE}' cannot be 9; choose among: 1, 2, 3, 4"),
        ({"data-tiling": 1}, "'data-tiling' is a choice of flags, no knob of a dispatch; give it to --pin"),
        ({TILE: 8, "distribution[m]": 4}, rf"--fix leaves no solution: product: .*; {TILE} can be 1, 2, 4, or "),
    ],
)
def test_what_reaches_no_dispatch_or_leaves_nothing_is_refused(fixes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says.replace("[", r"\[")):
        check(fixes)


def test_a_note_says_that_the_default_is_not_bound() -> None:
    assert check({}) == []
    assert [event.text for event in check({TILE: 2}) if isinstance(event, Note)] == [
        "Candidate 0 of a dispatch is the compiler's own choice, which --fix does not bind"
    ]
    # One dispatch has no tile of 64 rows; it says so itself.
    assert len(check({"distribution[m]": 64})) == 1


@pytest.mark.parametrize("words", ["a", "=2", "a=", "a=x", "a=1,", "a=1;2", "a=99999999999999999999"])
def test_an_option_of_another_form_is_refused(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, samples.matmul(8, 8, 8))
    assert_fails(here("run", "model.mlir", "--fix", words, output=capsys), 2, "--fix takes KNOB=VALUE")


def test_a_knob_is_fixed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, samples.matmul(8, 8, 8))
    done = here("space", "model.mlir", "--fix", "a=2", "--fix", "a=4", output=capsys)
    assert_fails(done, 2, "--fix fixes 'a' twice; write all its values once, as in a=2,4")


def test_a_keyword_without_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fixes leaves 'peel' no value; name one"):
        tuner.tune(tmp_path / "model.mlir", fixes={"peel": []})


def test_a_resumed_run_must_have_the_same_fixes(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("")
    asked = asked_of(model, from_given(Options, {"fixes": {"peel": 0, TILE: [2, 4]}}))
    assert asked["--fix"] == "peel=0 'vector_common_parallel[m]=2,4'"


@pytest.mark.compiler
@pytest.mark.gpu
def test_a_bundle_has_only_candidates_of_the_fixed_values(tmp_path: Path) -> None:
    model = write(tmp_path, samples.narrow_matmul(64, 64, 64, "f16"))
    options = ("--target", "rocm:gfx942", "--no-measure", "--bundle", "bundle", "--trials", "2", "--fix", "occupancy=2")
    done = iree_tune("run", model, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (dispatch,) = read_manifest(tmp_path / "bundle").dispatches
    assert [candidate.point.get("occupancy") for candidate in dispatch.candidates] == [None, 2, 2]

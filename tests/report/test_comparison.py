# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two runs compared: dispatches matched by problem, times, configurations and what was different about the runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from places import DATA
from tuner.errors import InputError
from tuner.report.comparison import compare_runs
from tuner.report.formats.comparison import html_comparison, json_comparison
from tuner.report.pair_bars import pair_bars
from tuner.report.recorded_run import RecordedRun, read_run
from tuner.report.writing import write_comparison

RUN = DATA / "h200_run"


@pytest.fixture(name="first", scope="module")
def read_first() -> RecordedRun:
    return read_run(RUN)


@pytest.fixture(name="second", scope="module")
def change_first(first: RecordedRun) -> RecordedRun:
    """The same run with another compiler: its winner has other tiles and takes half the time. Names differ too."""
    (dispatch,) = first.dispatches
    assert dispatch.certificate is not None
    assert dispatch.certificate.configuration is not None
    circumstances = replace(dispatch.certificate.circumstances, compiler_version="3.14.0")
    configuration = dispatch.certificate.configuration
    levels = {**configuration.levels, "workgroup": (64, 128, 0)}
    faster = replace(
        dispatch.certificate,
        name="renamed",
        circumstances=circumstances,
        configuration=replace(configuration, levels=levels),
        candidate_s=tuple(seconds / 2 for seconds in dispatch.certificate.candidate_s),
    )
    alone = replace(dispatch, name="alone", problem="elementwise m4 f32", certificate=None, candidates=())
    return replace(first, dispatches=(replace(dispatch, name="renamed", certificate=faster), alone))


def test_dispatches_are_matched_by_problem(first: RecordedRun, second: RecordedRun) -> None:
    compared = compare_runs(first, second)
    product, alone = compared.dispatches
    assert product.first is not None
    assert product.second is not None
    assert product.first.name != product.second.name == "renamed"
    assert product.faster == pytest.approx(2.0)
    assert product.changed == ["workgroup[m] 128 → 64"]
    assert (alone.label, alone.first, alone.faster) == ("elementwise m4 f32", None, None)
    assert compared.model is not None
    assert compared.model.faster == pytest.approx(1.0)
    assert [(found.what, found.first, found.second) for found in compared.differences] == [
        ("iree-compile", "3.13.0", "3.14.0")
    ]
    assert compared.is_one_machine


def test_times_of_another_machine_are_not_compared_without_a_word(first: RecordedRun) -> None:
    (dispatch,) = first.dispatches
    assert dispatch.certificate is not None
    elsewhere = replace(dispatch.certificate.circumstances, processor="sm_90")
    there = replace(
        first, dispatches=(replace(dispatch, certificate=replace(dispatch.certificate, circumstances=elsewhere)),)
    )
    assert not compare_runs(first, there).is_one_machine
    assert "measured on different machines" in html_comparison(first, there)
    assert "measured on different machines" not in html_comparison(first, first)


def test_a_default_that_stays_counts_with_its_own_time(first: RecordedRun) -> None:
    (dispatch,) = first.dispatches
    assert dispatch.certificate is not None
    kept = replace(first, dispatches=(replace(dispatch, certificate=replace(dispatch.certificate, accepted=False)),))
    (pair,) = compare_runs(first, kept).dispatches
    assert pair.faster == pytest.approx(1 / 1.23, rel=0.02)
    assert pair.changed == ["a configuration → the default"]


def test_the_page_and_json_have_the_same(first: RecordedRun, second: RecordedRun) -> None:
    text = html_comparison(first, second)
    for expected in (
        "2.00x",
        "workgroup[m] 128 → 64",
        "elementwise m4 f32",
        "3.14.0",
        "not there",
        "Best time of each run",
    ):
        assert expected in text, expected
    data = json_comparison(first, second)
    assert data["dispatches"][0]["first_by_second"] == pytest.approx(2.0)
    assert data["differences"] == [{"what": "iree-compile", "first": "3.13.0", "second": "3.14.0"}]


def test_words_of_a_run_are_no_markup(first: RecordedRun) -> None:
    nasty = "<script>alert(1)</script>"
    (dispatch,) = first.dispatches
    spoilt = replace(first, folder=Path(nasty), dispatches=(replace(dispatch, problem=nasty),), command=(nasty,))
    assert "<script" not in html_comparison(spoilt, first)


def test_runs_without_a_problem_in_common_have_no_bars(first: RecordedRun) -> None:
    empty = replace(first, dispatches=(), model=None)
    assert pair_bars("pairs", compare_runs(first, empty).dispatches) is None
    assert "not there" in html_comparison(first, empty)


def test_the_command_compares_two_runs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(RUN, tmp_path / name)
    command = [sys.executable, "-m", "tuner", "report", "one", "two"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["comparison.html"]
    assert "Nothing that they recorded." in (tmp_path / "comparison.html").read_text()
    assert write_comparison(tmp_path / "one", tmp_path / "two", {"json": tmp_path / "c.json"}) == [tmp_path / "c.json"]
    assert json.loads((tmp_path / "c.json").read_text())["schema"] == "iree-tuner-comparison/1"


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("t4", "folder", "--t4 reports one run, not two"),
        ("html", "two/log.jsonl", "belongs to the run itself"),
        ("html", "one/result.json", "belongs to the run itself"),
    ],
)
def test_what_cannot_be_written_gets_one_sentence(tmp_path: Path, name: str, place: str, message: str) -> None:
    for folder in ("one", "two"):
        shutil.copytree(RUN, tmp_path / folder)
    with pytest.raises(InputError, match=message):
        write_comparison(tmp_path / "one", tmp_path / "two", {name: tmp_path / place})
    assert (tmp_path / "two" / "log.jsonl").read_bytes() == (RUN / "log.jsonl").read_bytes()


def test_a_folder_without_a_run_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere holds no run"):
        write_comparison(RUN, tmp_path / "nowhere", {"html": tmp_path / "c.html"})

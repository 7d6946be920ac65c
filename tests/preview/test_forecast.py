# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune run --dry-run` says beforehand what a run does and takes, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import op_samples
import samples
from commands import here
from pins import all_but
from tuner.events import nobody
from tuner.options import Options
from tuner.preview.forecast import forecast
from tuner.preview.spaces import describe_spaces

pytestmark = pytest.mark.runs

# Data tiling: three choices.
PINS = [argument for name, value in all_but("data-tiling").items() for argument in ("--pin", f"{name}={value}")]
MODEL = samples.matmul(101, 211, 103) + samples.elementwise(1 << 18).replace("@double", "@second")


def dry_run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    (cwd / "temporary").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tuner", "run", "model.mlir", "--function", "matmul", "--dry-run", *arguments]
    environment = {**os.environ, "TMPDIR": str(cwd / "temporary")}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=300)


@pytest.mark.measures
def test_a_dry_run_says_what_a_run_then_does(tmp_path: Path) -> None:
    """The dispatches, the sizes of their spaces and the candidates are those of the run; its time is of that order."""
    (tmp_path / "model.mlir").write_text(MODEL)
    done = dry_run("--trials", "2", *PINS, "-o", "spec.mlir", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["event"] == "forecast"
    solutions = {each.dispatch: each.solutions for each in describe_spaces(tmp_path / "model.mlir", Options(), nobody)}
    assert {each["name"]: each["solutions"] for each in said["dispatches"]} == solutions
    assert all(each["candidates"] == 2 and each["is_exact"] for each in said["dispatches"])
    assert said["flags"]["choices"] == said["flags"]["trials"] == 2
    assert "opt-level" not in said["flags"]["knobs"]
    assert {path.name for path in tmp_path.iterdir()} == {"model.mlir", "temporary"}
    assert list((tmp_path / "temporary").iterdir()) == []
    assert "Nothing was written" in done.stderr
    command = [sys.executable, "-m", "tuner", "run", "model.mlir", "--function", "matmul", "--trials", "2"]
    started = time.monotonic()
    ran = subprocess.run(
        [*command, *PINS, "--run-dir", "run", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=300,
    )
    took_s = time.monotonic() - started
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len([each for each in events if each["event"] == "flags tried"]) == said["flags"]["trials"]
    assert took_s / 4 < said["total_s"] < took_s * 4


def test_choices_for_single_ops_are_counted_and_take_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.mlir").write_text(op_samples.convolution((1, 24, 6, 10), (20, 24, 1, 1)))
    monkeypatch.chdir(tmp_path)
    done = here("run", "model.mlir", "--dry-run", "--trials", "2", *PINS, "--json", output=capfd)
    assert done.returncode == 0, done.stderr
    (said,) = (line for line in map(json.loads, done.stdout.splitlines()) if line["event"] == "forecast")
    assert said["ops"]["choices"] == {"pointwise=tiled": 1, "pointwise=product": 1}
    assert (said["ops"]["sets"], said["ops"]["trials"]) == (2, 2)
    parts_s = [said["so_far_s"], said["ops"]["seconds"], said["flags"]["seconds"], said["proof_s"]]
    assert said["ops"]["seconds"] > 0
    assert said["total_s"] >= sum(parts_s)
    assert "Choices for single ops first: 2 of 2 sets" in " ".join(done.stderr.split())


def test_people_read_a_table_and_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(MODEL)
    done = dry_run("--trials", "5", "--plain", "--keep-flags", "--budget", "2s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cpu-double-tiling-contraction" in done.stdout
    assert "no spec that plain iree-compile reads can reach" in done.stdout
    assert "about 2 s, its budget; all candidates would take about" in done.stdout
    assert "Flags of the whole model" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--dispatch", "nowhere"), "no dispatch 'nowhere'"),
        (("-o", "missing/spec.mlir"), "there is no folder missing"),
        (("--pin", "speed=high"), "no choice 'speed'"),
        (("--no-measure",), "leave it out with --no-measure"),
    ],
)
def test_what_a_run_refuses_a_dry_run_refuses(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "model.mlir").write_text(MODEL)
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    done = here("run", "model.mlir", "--function", "matmul", "--dry-run", *arguments, output=capfd)
    assert done.returncode == 2
    assert says in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_more_trials_take_longer_by_what_a_candidate_takes(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(101, 211, 103))
    for trials in (10, 1000):
        (found,) = forecast(path, Options(trials=trials, keep_flags=True, workers=2), lambda _: None).dispatches
        assert found.search_s == pytest.approx(trials * (found.compile_s / 2 + found.evaluate_s))
        assert found.evaluate_s > found.default_s > 0

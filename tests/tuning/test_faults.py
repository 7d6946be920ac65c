# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs in which things go wrong for real: each fault has its own fate, the rest is tuned, nothing is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import faults
import sabotage
import samples
import tuner
from tuner.runs.folder import RunFolder
from tuner.runs.record import RunRecord
from tuner.tuning.result import TuneResult

pytestmark = pytest.mark.runs

# No tile divides a prime: the default is many times too slow, and nearly every candidate is faster.
MODEL = samples.matmul(101, 211, 103)


@pytest.fixture(name="clean", autouse=True)
def assert_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens in a test: no process, no zombie and no temporary file outlives it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = set(faults.children(os.getpid()))
    yield
    assert set(faults.children(os.getpid())) <= before
    assert list(temporary.iterdir()) == []


def log_of(run: Path) -> list[dict[str, Any]]:
    """The candidates' lines of a run's log; none where there is no log yet."""
    log = run / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return [record for record in map(json.loads, lines) if "candidate" in record]


def tune(folder: Path, **options: Any) -> TuneResult:
    model = folder / "model.mlir"
    model.write_text(MODEL)
    flags = (samples.NO_PEELING,)
    return tuner.tune(model, keep_flags=True, allocator="default", flags=flags, run_dir=folder / "run", **options)


def assert_tuned(result: TuneResult) -> None:
    (dispatch,) = result.dispatches
    assert dispatch.winner is not None, dispatch.verdict
    assert dispatch.final is not None
    assert dispatch.final.verification.passed
    assert dispatch.final.ratio.low > 1.0
    assert result.model is not None
    assert result.model.verification.passed


def test_kernels_that_crash_hang_or_lie(tmp_path: Path) -> None:
    deeds = {1: "segfault", 2: "hang", 5: "illegal instruction", 6: "write nothing"}
    with sabotage.spoiling(tmp_path / "run", deeds):
        result = tune(tmp_path, trials=8, workers=1)
    assert_tuned(result)
    records = log_of(tmp_path / "run")
    ends = {record["candidate"]: (record["fate"], record["detail"]) for record in records}
    assert list(ends) == list(range(9))
    assert ends[1] == ("RunFailed", "its process died (SIGSEGV)")
    assert ends[2][0] == "TimedOut"
    assert ends[5] == ("RunFailed", "its process died (SIGILL)")
    assert ends[6][0] == "WrongResult"
    assert {fate for number, (fate, _) in ends.items() if number not in deeds} == {"Measured"}


@pytest.mark.slow
def test_the_measuring_process_is_killed_again_and_again(tmp_path: Path) -> None:
    kills: list[int] = []

    def kill() -> None:
        ended = len(log_of(tmp_path / "run"))
        if ended >= 2 * (len(kills) + 1) and len(kills) < 5:
            time.sleep(0.05 * len(kills))
            if faults.kill(faults.measuring(os.getpid())):
                kills.append(ended)

    with faults.meanwhile(kill):
        result = tune(tmp_path, trials=14)
    assert len(kills) == 5
    assert_tuned(result)
    records = log_of(tmp_path / "run")
    assert [record["candidate"] for record in records] == list(range(15))
    failed = [record for record in records if record["fate"] != "Measured"]
    assert len(failed) <= 5
    assert {(each["fate"], each["detail"]) for each in failed} <= {("RunFailed", "its process died (SIGKILL)")}


@pytest.mark.slow
def test_compile_workers_are_killed_in_the_middle_of_their_jobs(tmp_path: Path) -> None:
    kills: list[int] = []

    def kill() -> None:
        ended = len(log_of(tmp_path / "run"))
        if ended >= 4 * len(kills) + 1 and len(kills) < 3:
            # A worker that has just started is no candidate's yet.
            time.sleep(0.1)
            if faults.kill(faults.compiling(os.getpid())[:1]):
                kills.append(ended)

    with faults.meanwhile(kill, every_s=0.005):
        result = tune(tmp_path, trials=20, workers=2)
    assert len(kills) == 3
    assert_tuned(result)
    records = log_of(tmp_path / "run")
    assert [record["candidate"] for record in records] == list(range(21))
    hit = [record for record in records if "compiler" in record["detail"]]
    assert 1 <= len(hit) <= 3
    # Seen once: another worker ended by itself. pebble's workers exit with 1 where the channel fails them
    # (`worker_process`), as where a killed worker holds its lock; that this was the cause was not shown.
    ends = {(each["fate"], each["detail"].partition("; ")[0]) for each in hit}
    itself = ("Measured", "compiled again, for its compiler crashed once (exit code 1)")
    again = ("Measured", "compiled again, for its compiler was killed (SIGKILL)")
    assert again in ends
    assert ends <= {again, itself}


def start_run(folder: Path, spec: Path) -> subprocess.Popen[str]:
    model = folder / "model.mlir"
    model.write_text(MODEL)
    arguments = ["run", model, "-o", spec, "--trials", "300", "--keep-flags", "--run-dir", folder / "run"]
    return subprocess.Popen(
        [sys.executable, "-m", "tuner", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_candidates(run: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(log_of(run)) < count:
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(0.05)


def test_a_device_that_is_gone_for_good_ends_the_run_with_one_sentence(tmp_path: Path) -> None:
    spec = tmp_path / "spec.mlir"
    process = start_run(tmp_path, spec)
    wait_for_candidates(tmp_path / "run", 4)
    with faults.meanwhile(lambda: faults.kill(faults.measuring(process.pid))):
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    assert "the device local-sync is lost" in stderr
    assert "SIGKILL" in stderr
    assert len(log_of(tmp_path / "run")) >= 4
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "disturbance"
    assert "local-sync is lost" in last["detail"]
    assert not spec.exists()


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    process = start_run(tmp_path, tmp_path / "spec.mlir")
    wait_for_candidates(tmp_path / "run", 4)
    faults.kill([process.pid])
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while faults.group_lives(process.pid):
        assert time.monotonic() < deadline, "a worker outlived the run"
        time.sleep(0.1)
    # What a killed process was writing is in its run's folder, which a resumed run clears.
    assert not list((tmp_path / "temporary").rglob("*"))
    assert list((tmp_path / "run").glob("iree-tuner-*"))
    asked = RunRecord.read(tmp_path / "run" / "command.json").asked
    with RunFolder.create(tmp_path / "run", tmp_path / "model.mlir", asked, resume=True):
        assert not list((tmp_path / "run").glob("iree-tuner-*"))

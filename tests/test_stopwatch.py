# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a run's wall time goes: every moment is counted once, and what is left is the tuner's own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import samples
from tuner.report.formats.html import html_report
from tuner.report.recorded_run import read_run
from tuner.stopwatch import Part, Stopwatch, process_started

SPANS = st.lists(st.tuples(st.sampled_from(Part), st.integers(0, 30), st.integers(1, 10)), max_size=12)


@given(spans=SPANS)
def test_every_second_counts_once_for_the_first_of_its_parts(spans: list[tuple[Part, int, int]]) -> None:
    began = time.time() - 100
    watch = Stopwatch(began)
    seconds: list[Part | None] = [None] * 100
    for part, start, length in spans:
        watch.add(part, began + start, began + start + length)
        for second in range(start, start + length):
            seconds[second] = min((part, seconds[second] or part), key=list(Part).index)
    wall = watch.read()
    found = [wall.measuring_s, wall.compiling_s, wall.solving_s, wall.starting_s]
    assert np.allclose(found, [seconds.count(part) for part in Part], atol=1e-4)
    assert wall.orchestration_s == pytest.approx(wall.total_s - sum(found[:3]))


def test_time_before_the_start_and_after_now_is_not_the_runs() -> None:
    now = time.time()
    watch = Stopwatch(now - 10)
    watch.add(Part.COMPILING, now - 50, now - 8)
    watch.add(Part.MEASURING, now - 1, now + 50)
    wall = watch.read()
    assert wall.compiling_s == pytest.approx(2, abs=0.1)
    assert wall.measuring_s == pytest.approx(1, abs=0.1)


def test_a_process_knows_when_it_began() -> None:
    code = "from tuner.stopwatch import process_started; print(process_started())"
    before = time.time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The kernel counts in hundredths of a second.
    assert before - 0.05 <= float(done.stdout) <= time.time()
    assert process_started() < before


@pytest.mark.measures
def test_a_runs_summary_adds_up_and_is_everywhere(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(96, 64, 48))
    command = [sys.executable, "-m", "tuner", "run", "model.mlir", "--trials", "1", "--keep-flags", "--run-dir", "run"]
    before = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    took_s = time.time() - before
    assert done.returncode == 0, done.stderr
    wall = json.loads((tmp_path / "run" / "result.json").read_text())["wall_time"]
    # The interpreter's start counts, its end does not.
    assert took_s - 3 < wall["total_s"] <= took_s
    assert min(wall.values()) > 0
    parts = ("compiling_s", "measuring_s", "solving_s", "orchestration_s")
    assert sum(wall[part] for part in parts) == pytest.approx(wall["total_s"])
    assert wall["starting_s"] <= wall["orchestration_s"]
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert wall["compiling_s"] >= max(each["compile_s"] for each in logged if "candidate" in each)
    (said,) = re.findall(r"The run took (.+)\.", done.stdout)
    assert said in html_report(read_run(tmp_path / "run"))
    assert "compiling" in said

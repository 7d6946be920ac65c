# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs that end when the dispatches are tuned: a spec that is read back, and no whole model that was compared."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from commands import assert_fails, here
from prime_matmul import candidates, random_run
from tuner.specs.read import read_spec

# Candidates; most are faster than the default, which peels nothing.
TRIALS = 3


@pytest.mark.runs
def test_a_run_that_stops_after_the_dispatches_has_a_spec_and_is_resumed_with_the_model(tmp_path: Path) -> None:
    spec = tmp_path / "spec.mlir"
    command = random_run(tmp_path, "run", "-o", str(spec), trials=TRIALS)
    part = command.index("--trials")
    done = subprocess.run(
        [*command[:part], "--stop-after", "dispatches", *command[part:]], capture_output=True, text=True, check=True
    )
    assert "The whole model was not run with these entries: --resume goes on" in done.stderr + done.stdout
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["model"] is None
    (entry,) = read_spec(spec).entries
    assert entry.certificate.ratio.low > 1.0
    assert len(candidates(tmp_path / "run")) == TRIALS + 1
    subprocess.run([*command[:part], "--resume", *command[part:]], capture_output=True, text=True, check=True)
    assert len(candidates(tmp_path / "run")) == TRIALS + 1, "no candidate is measured again"
    assert json.loads((tmp_path / "run" / "result.json").read_text())["model"]["verified"]


@pytest.mark.parametrize("other", [("--dry-run",), ("--effort", "guess"), ("--no-measure", "--bundle", "bundle")])
def test_what_does_not_measure_stops_nowhere(
    other: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = here("run", "model.mlir", "--stop-after", "dispatches", *other, output=capsys)
    assert_fails(done, 2, "--stop-after says how far a run measures; leave it out")
    assert list(tmp_path.iterdir()) == []

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The script of docs/report.md logs a run to the real MLflow, where that is installed (`pip install mlflow`)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import DATA
from printed import blocks
from tuner.report.writing import write_report

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="no MLflow here (pip install mlflow)"
)
# Prints the runs that an MLflow database holds.
READER = """
import json, sys, mlflow
client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
experiment = client.get_experiment_by_name("iree-tuner")
runs = client.search_runs([experiment.experiment_id], max_results=1000)
print(json.dumps([
    [each.info.run_name, each.info.status, each.data.params, each.data.metrics, each.data.tags] for each in runs
]))
"""


def python(work: Path, *arguments: str) -> str:
    variables = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=work, env=variables, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_printed_script_logs_every_candidate(tmp_path: Path) -> None:
    write_report(DATA / "h200_run", {"json": tmp_path / "run.json"})
    report = json.loads((tmp_path / "run.json").read_text())
    (dispatch,) = report["dispatches"]
    # The recorded run has no failure: one candidate becomes one.
    dispatch["candidates"][5] |= {"time_s": None, "speedup": None, "fate": "WrongResult", "detail": "[0, 3] differs"}
    (tmp_path / "run.json").write_text(json.dumps(report))
    (script,) = (block.text for block in blocks("docs/report.md") if block.language == "python")
    (tmp_path / "to_mlflow.py").write_text(script)
    address = "sqlite:///mlflow.db"
    python(tmp_path, "to_mlflow.py", "run.json", address)
    runs = {name: rest for name, *rest in json.loads(python(tmp_path, "-c", READER, address))}
    assert len(runs) == 1 + len(dispatch["candidates"])
    for candidate in dispatch["candidates"]:
        status, parameters, metrics, tags = runs[f"candidate {candidate['candidate']}"]
        assert tags["fate"] == candidate["fate"]
        assert len(parameters) == len(candidate["knobs"] or {})
        if candidate["time_s"] is None:
            assert (status, metrics) == ("FAILED", {})
        else:
            assert (status, metrics["time_ms"]) == ("FINISHED", 1e3 * candidate["time_s"])
    _, parameters, _, _ = runs["candidate 3"]
    assert parameters["workgroup.m"] == "512"
    assert runs[dispatch["dispatch"]][3]["problem"] == dispatch["problem"]

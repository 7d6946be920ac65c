# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The T4 export conforms to the published schemas, and the auto-tuning community's own tools read it.

The schemas and the tools come from PyPI, into `build/t4`: they need more than this environment should hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from places import ROOT
from tuner.report.recorded_run import RecordedDispatch, read_run
from tuner.report.writing import write_report
from tuner.tuning.result import TuneResult

# The tools that read T4, and their dependencies that are not installed here.
TOOLS = ("kernel_tuner==1.5.0", "autotuning_methodology==1.1.0", "matplotlib==3.10.3")
DEPENDENCIES = ("contourpy", "cycler", "fonttools", "kiwisolver", "pillow", "pyparsing", "python-dateutil", "six")
INSTALL_TIMEOUT_S = 600
READ = """
import json, pathlib, sys
from autotuning_methodology.searchspace_statistics import SearchspaceStatistics
space = SearchspaceStatistics("kernel", "cpu", True, ["compilation", "benchmark"], ["time"], pathlib.Path(sys.argv[1]))
print(json.dumps({
    "size": space.size,
    "fastest_ms": space.total_performance_minimum(),
    "median_ms": space.total_performance_median(),
}))
"""


@pytest.fixture(name="tools", scope="module")
def install_tools() -> Path:
    """The folder of the tools, for the import path. They are installed once; a file marks that pip has finished."""
    folder = ROOT / "build" / "t4"
    mark = folder / "installed"
    wanted = "\n".join((*TOOLS, *DEPENDENCIES))
    if not mark.exists() or mark.read_text() != wanted:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]
        subprocess.run([*command, str(folder), *TOOLS, *DEPENDENCIES], check=True, timeout=INSTALL_TIMEOUT_S)
        mark.write_text(wanted)
    return folder


@pytest.fixture(name="exported", scope="module")
def export(recorded: tuple[TuneResult, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("t4")
    write_report(recorded[1], {"t4": folder})
    return folder


@pytest.fixture(name="dispatch", scope="module")
def read_dispatch(recorded: tuple[TuneResult, Path]) -> RecordedDispatch:
    return read_run(recorded[1]).dispatches[0]


def schema(tools: Path, name: str) -> Any:
    return json.loads((tools / "kernel_tuner" / "schema" / "T4" / "1.0.0" / f"{name}-schema.json").read_text())


@pytest.mark.network
def test_the_published_schemas_hold(tools: Path, exported: Path, dispatch: RecordedDispatch) -> None:
    results = json.loads((exported / f"{dispatch.name}.json").read_text())
    metadata = json.loads((exported / "metadata.json").read_text())
    jsonschema.validate(results, schema(tools, "results"))
    jsonschema.validate(metadata, schema(tools, "metadata"))
    # The schema refuses what it does not know, here a kind of invalidity.
    results["results"][0]["invalidity"] = "Measured"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(results, schema(tools, "results"))


def test_every_candidate_is_there_as_it_ended(exported: Path, dispatch: RecordedDispatch) -> None:
    results = json.loads((exported / f"{dispatch.name}.json").read_text())["results"]
    assert len(results) == len(dispatch.tried) == 30
    assert [result["invalidity"] for result in results if result["invalidity"] != "correct"] == [
        "runtime",
        "correctness",
    ]
    tried = {candidate.number: candidate for candidate in dispatch.tried}
    for written in results:
        measured = {measurement["name"]: measurement["value"] for measurement in written["measurements"]}
        candidate, time_ms = tried.pop(measured["number"]), measured["time"]
        if candidate.time_s is None:
            assert time_ms == "RuntimeFailedConfig"
        else:
            assert time_ms == pytest.approx(1e3 * candidate.time_s)
        assert written["times"]["compilation"] == pytest.approx(1e3 * candidate.compile_s)
    assert not tried
    assert len({json.dumps(result["configuration"], sort_keys=True) for result in results}) == 30


@pytest.mark.network
def test_the_communitys_tools_read_it(tools: Path, exported: Path, dispatch: RecordedDispatch) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ, exported / f"{dispatch.name}.json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(tools), "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    times_ms = sorted(1e3 * tried.time_s for tried in dispatch.tried if tried.time_s is not None)
    assert read["size"] == 30
    assert read["fastest_ms"] == pytest.approx(times_ms[0])
    assert times_ms[0] < read["median_ms"] < times_ms[-1]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example of a package that adds a space, a target and a strategy: installed, held to our contracts, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from importlib.metadata import distributions
from pathlib import Path

import pytest

import samples
from places import ROOT

EXAMPLE = ROOT / "examples" / "plugin"
INSTALL_TIMEOUT_S, TIMEOUT_S = 300, 300


def entry_points() -> dict[str, dict[str, str]]:
    """What the example's package registers, by group and name."""
    found: dict[str, dict[str, str]] = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"][
        "entry-points"
    ]
    return found


@pytest.fixture(name="plugin", scope="module")
def make_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the import path in which the example's package lies as pip would put it there."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE / "tuner_example", folder / "tuner_example")
    described = folder / "iree_tuner_example-1.0.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: iree-tuner-example\nVersion: 1.0.0\n")
    registered = ConfigParser()
    registered.read_dict(entry_points())
    with (described / "entry_points.txt").open("w") as file:
        registered.write(file)
    return folder


@pytest.mark.network
def test_pip_installs_what_it_registers(tmp_path: Path) -> None:
    # A copy, since building leaves files beside the source.
    source = shutil.copytree(EXAMPLE, tmp_path / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "site", source]
    subprocess.run(list(map(str, command)), check=True, timeout=INSTALL_TIMEOUT_S)
    (installed,) = distributions(path=[str(tmp_path / "site")])
    found: dict[str, dict[str, str]] = {}
    for entry_point in installed.entry_points:
        found.setdefault(entry_point.group, {})[entry_point.name] = entry_point.value
    assert found == entry_points()
    assert (tmp_path / "site" / "tuner_example" / "annealing.py").exists()


def with_plugin(plugin: Path, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(plugin), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.compiler
@pytest.mark.parametrize(("name", "at_least"), [("annealing", 22), ("squares", 4), ("portable", 4)])
def test_it_keeps_our_contracts(plugin: Path, name: str, at_least: int) -> None:
    tests = (ROOT / "tests" / "testing" / "test_contracts.py", ROOT / "tests" / "search" / "test_strategies.py")
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-k", name, *tests)
    done = with_plugin(plugin, *command, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    passed = next(int(line.split()[0]) for line in done.stdout.splitlines() if " passed" in line)
    assert passed >= at_least, done.stdout


@pytest.mark.runs
def test_a_model_is_tuned_with_all_three(plugin: Path, tmp_path: Path) -> None:
    model, run = tmp_path / "model.mlir", tmp_path / "run"
    model.write_text(samples.matmul(96, 128, 64))
    target = ("--target", "portable-cpu:x86-64-v3")
    shown = with_plugin(plugin, "tuner", "space", model, *target, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "cpu-contraction-squares" in shown.stdout
    options = ("--strategy", "annealing", "--trials", "12", "--keep-flags", "--run-dir", run)
    done = with_plugin(plugin, "tuner", "run", model, *target, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((run / "result.json").read_text())
    assert "--iree-llvmcpu-target-cpu=x86-64-v3" in result["dispatches"][0]["certificate"]["circumstances"]["flags"]
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    levels = [record["configuration"]["levels"] for record in records if record.get("candidate")]
    assert len(levels) == 12
    assert all(level["distribution"][0] == level["distribution"][1] for level in levels)


def test_what_it_does_not_know_is_refused(plugin: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(8, 8, 8))
    done = with_plugin(plugin, "tuner", "run", model, "--target", "portable-cpu:z80", cwd=tmp_path)
    assert done.returncode == 2
    assert "'z80' is no level of x86-64" in done.stderr

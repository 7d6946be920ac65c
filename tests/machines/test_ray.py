# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs on a real Ray cluster of two nodes: what a local run finds, whatever becomes of a node."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import faults
import samples
import tuner
from prime_matmul import TRIALS, assert_won, candidates, random_run, records
from ray_nodes import Nodes, two_nodes

pytestmark = [pytest.mark.runs, pytest.mark.ray]
# Seconds: Ray itself would try for more than 200. Starting Python and Ray is most of it.
AT_ONCE_S = 20.0
ROOT = Path(tuner.__file__).parent


def start_run(folder: Path, *arguments: str, trials: int = TRIALS) -> subprocess.Popen[str]:
    command = random_run(folder, "run", *arguments, trials=trials)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    stdout, stderr = process.communicate(timeout=400)
    assert process.returncode == 0, stderr
    return stdout


def test_without_an_address_the_cluster_is_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    # Ray's sockets need short names.
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        monkeypatch.setenv("TMPDIR", temporary)
        stdout = ended(start_run(tmp_path, "--ray", trials=2))
        # What Ray keeps of a session is its own.
        assert {left.name for left in Path(temporary).iterdir()} <= {"ray"}
    assert stdout.count("local-sync on ") == 1
    assert {each["fate"] for each in candidates(tmp_path / "run")} == {"Measured"}


def test_where_ray_cannot_start_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    assert "Ray cannot start a cluster on this machine" in refused(tmp_path, "--ray")


def refused(folder: Path, *arguments: str) -> str:
    process = start_run(folder, *arguments)
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 2, stdout + stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    assert not (folder / "run").exists()
    return stderr


def test_a_cluster_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    assert "no Ray cluster can be reached at 127.0.0.1:1" in refused(tmp_path, "--ray", "127.0.0.1:1")
    assert "'ray://somewhere:1' is no address" in refused(tmp_path, "--ray", "ray://somewhere:1")
    assert "no Ray cluster can be reached at auto" in refused(tmp_path, "--ray", "auto")
    with two_nodes(resource="something-else") as nodes:
        said = refused(tmp_path, "--ray", nodes.address)
    assert "has no resource iree-tuner-cpu; start its nodes with --resources '{\"iree-tuner-cpu\": 1}'" in said
    assert "leave out --device" in refused(tmp_path, "--device", "local-sync://0", "--ray", "auto")


@pytest.mark.measures
def test_a_cluster_that_is_gone_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray notes the latest cluster of a machine in a file, and leaves it if the cluster is killed."""
    pytest.importorskip("ray")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    started = time.monotonic()
    said = refused(tmp_path, "--ray", "auto")
    assert time.monotonic() - started < AT_ONCE_S
    assert re.search(r"no Ray cluster can be reached at auto, which stands for [\d.]+:1 here", said)
    assert "run with --ray alone for a cluster of this machine" in said


def test_where_a_token_is_asked_for_and_there_is_none_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        said = refused(tmp_path, "--ray", f"127.0.0.1:{somebody.getsockname()[1]}")
    assert "have its token in ~/.ray/auth_token" in said


def test_without_ray_installed_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('as if it were not there')\n")
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(8, 8, 8))
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tuner.cli import main; main()"
    command = [sys.executable, "-c", code, tmp_path, "run", model, "--ray"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "pip install 'iree-tuner[ray]'" in done.stderr


def test_one_module_knows_ray() -> None:
    knowing = [str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py") if "ray" in roots_imported(file)]
    assert knowing == ["machines/ray.py"]


def roots_imported(file: Path) -> Sequence[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return [name.partition(".")[0] for name in names]


@pytest.fixture(name="nodes", scope="module")
def make_nodes() -> Iterator[Nodes]:
    """These tests stand last: others look for a cluster on this machine, and find none."""
    pytest.importorskip("ray")
    with two_nodes() as nodes:
        yield nodes


def assert_same_findings(run: Path, alone: Path) -> None:
    """The same candidates in the same order, all measured, and a winner that is fast on one machine alone, too."""
    there, here = candidates(run), candidates(alone)
    assert [candidate["candidate"] for candidate in there] == list(range(TRIALS + 1))
    assert [candidate["configuration"] for candidate in there] == [candidate["configuration"] for candidate in here]
    assert {candidate["fate"] for candidate in there} == {"Measured"}
    # Candidates that are equal but for noise may take each other's place.
    ranking = [each["configuration"] for each in sorted(here, key=lambda candidate: float(candidate["time_s"]))]
    assert assert_won(run) in ranking[: TRIALS // 2]
    # Binaries came back to this machine.
    assert len(list((run / "candidates").glob("*/*.vmfb"))) == TRIALS + 1


def test_two_nodes_find_what_one_machine_finds(tmp_path: Path, nodes: Nodes, alone: Path) -> None:
    stdout = ended(start_run(tmp_path, "--ray", nodes.address))
    assert stdout.count("local-sync on ") == 2
    assert_same_findings(tmp_path / "run", alone)


def test_a_node_that_dies_costs_nothing_but_time(tmp_path: Path, nodes: Nodes, alone: Path) -> None:
    """The cluster has one node from here on."""
    process = start_run(tmp_path, "--ray", nodes.address)
    killed: list[int] = []

    def kill_once() -> None:
        if not killed and len(candidates(tmp_path / "run")) > 5:
            nodes.kill_second()
            killed.append(len(candidates(tmp_path / "run")))

    with faults.meanwhile(kill_once):
        ended(process)
    assert killed
    assert killed[0] < TRIALS
    assert_same_findings(tmp_path / "run", alone)
    told = [each["detail"] for each in records(tmp_path / "run") if each.get("event") == "disturbance"]
    assert any("is lost" in detail and "1 of 2 devices" in detail for detail in told), told

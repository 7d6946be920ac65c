# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line, as a user meets it: real runs, bad input, Ctrl-C."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

import faults
import samples
from commands import assert_fails, here, iree_tune, log_of, write
from tuner.dispatches.extract import read_model_configurations
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.targets.cpu import CpuTarget
from tuner.targets.target import tuning_spec_flags

pytestmark = pytest.mark.runs
# Sizes that nobody knew when the code was written: other ones in each session.
DRAWN = (random.randint(33, 400), random.randint(33, 400), random.randint(33, 400))


def test_kernels_are_tuned_and_their_spec_holds(tmp_path: Path, target: CpuTarget) -> None:
    """Whatever wins is verified, is what the compiled model holds, and leaves the model no slower."""
    kernels = (
        samples.matmul(1, 1024, 1024),
        samples.batch_matmul(6, 96, 128, 64),
        samples.matmul_bias_relu(128, 192, 96),
        samples.integer_matmul(64, 96, 128),
        samples.narrow_matmul(64, 96, 128, "f16"),
        samples.narrow_matmul(64, 96, 128, "bf16"),
        samples.matmul(*DRAWN),
    )
    model, spec, run = write(tmp_path, samples.together("all", kernels)), tmp_path / "spec.mlir", tmp_path / "run"
    options = ("--keep-flags", "--allocator", "default", "--trials", "3", "--run-dir", run)
    done = iree_tune("run", model, "-o", spec, *options, cwd=tmp_path)
    assert done.returncode == 0, f"{DRAWN} {done.stderr}"
    result = json.loads((run / "result.json").read_text())
    assert len(result["dispatches"]) == len(kernels)
    plain, tuned = tmp_path / "plain.mlir", tmp_path / "tuned.mlir"
    opened = Model.open(model, target.compile_flags)
    opened.compile_or_reject(plain, "--compile-to=executable-configurations")
    opened.compile_or_reject(tuned, *tuning_spec_flags(spec), "--compile-to=executable-configurations")
    before, after = read_model_configurations(plain), read_model_configurations(tuned)
    for dispatch in result["dispatches"]:
        name, ratio = dispatch["dispatch"], dispatch["final"]["ratio"]
        assert dispatch["evaluations"] == 4
        assert ratio["low"] <= ratio["value"] <= ratio["high"]
        if dispatch["winner"] is None:
            assert before[name] == after[name], name
            continue
        assert before[name] != after[name]
        distribution = dispatch["winner"]["levels"]["distribution"]
        assert any(f"distribution = {distribution}" in config for config in after[name].lowering_configs), name
        assert ratio["low"] > 1.0
    winners = [dispatch["winner"] for dispatch in result["dispatches"] if dispatch["winner"] is not None]
    assert ("the default" in done.stdout) == (len(winners) < len(kernels))
    assert not winners or result["model"]["verified"]
    assert not winners or result["model"]["ratio"]["high"] >= 1.0
    assert not winners or " ".join(tuning_spec_flags(spec)) in done.stdout
    assert done.stdout.count(" yes ") >= len(winners)


def test_one_dispatch_of_many_is_searched_alone_and_on_two_threads(tmp_path: Path) -> None:
    """Every candidate is another one, and the log lists each with its end."""
    model = write(tmp_path, samples.matmul(96, 64, 32, "first") + samples.matmul(64, 96, 32, "second"))
    name = "second_dispatch_0_matmul_64x96x32_f32"
    chosen = ("--dispatch", name, "--function", "second", "--threads", "2", "--trials", "4", "--keep-flags")
    done = iree_tune("run", model, *chosen, "--run-dir", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "local-task, 2 threads" in done.stdout
    records = log_of(tmp_path / "run")
    assert {record["dispatch"] for record in records} == {name}
    assert [record["candidate"] for record in records] == [0, 1, 2, 3, 4]
    assert records[0]["configuration"] == "default"
    assert all(record["fate"] for record in records)
    assert len({json.dumps(record["configuration"]) for record in records[1:]}) == 4


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (samples.elementwise(4096), ["--plain"]),
        ("func.func @same(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }", []),
    ],
)
def test_where_nothing_is_tunable_it_says_so_and_writes_a_valid_spec(
    text: str, options: list[str], tmp_path: Path, target: CpuTarget
) -> None:
    model, spec = write(tmp_path, text), tmp_path / "spec.mlir"
    done = iree_tune("run", model, "--keep-flags", "--workers", "1", "-o", spec, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No dispatch was tuned." in done.stdout
    Model.open(model, target.compile_flags).compile_or_reject(tmp_path / "x.vmfb", *tuning_spec_flags(spec))


def test_the_plugin_path_is_a_file(tmp_path: Path) -> None:
    done = iree_tune("plugin-path", cwd=tmp_path)
    assert done.returncode == 0
    assert Path(done.stdout.strip()).is_file()


GOOD = samples.matmul(64, 64, 64)


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (None, (), "there is no model file .*model.mlir"),
        ("", (), "is empty"),
        ("this is no MLIR", (), "iree-compile cannot compile .*model.mlir .*error:"),
        (GOOD, ("--target", "abacus"), "no target named 'abacus'; choose one of: cpu"),
        (GOOD, ("--strategy", "oracle"), "no strategy named 'oracle'"),
        (GOOD, ("--trials", "0"), "--trials must be at least 1"),
        (GOOD, ("--trials", "many"), "'many' is not a valid integer"),
        (GOOD, ("--threads", "0"), "--threads must be at least 1"),
        (GOOD, ("--dispatch", "nowhere"), "no dispatch 'nowhere'; it has: matmul_dispatch_0"),
        (GOOD, ("--function", "nothing"), "no function 'nothing'; it has: matmul"),
        (samples.open_matmul(64, 64), (), "not a tensor of fixed shape; give it fixed sizes"),
        (GOOD + samples.matmul(32, 32, 32, "second"), (), "2 public functions .*name one by --function"),
        (GOOD, ("-o", "missing/spec.mlir"), "there is no folder missing"),
        (GOOD, ("-o", "/proc/spec.mlir"), "cannot write /proc/spec.mlir"),
        (GOOD, ("-o", "model.mlir"), "is the model itself"),
        (GOOD, ("--run-dir", "/proc/run"), "cannot make the run's folder /proc/run"),
        (GOOD, ("--budget", "soon"), "--budget takes a duration such as 90s, 20m or 1h30m, not 'soon'"),
        (GOOD, ("--budget", "0m"), "--budget must be more than nothing"),
        (GOOD, ("--pin", "O3"), "--pin takes NAME=VALUE"),
        (GOOD, ("--pin", "speed=high"), "no choice 'speed' of flags; there are: convolution-layout"),
        (GOOD, ("--pin", "opt-level=O9"), "'opt-level' cannot be 'O9'; choose one of: default"),
        (GOOD, ("--dim", "n=3"), "bind sizes that ONNX, torch and JAX models leave open"),
        (GOOD, ("--unheard-of",), "No such option.*--unheard-of"),
        (GOOD, ("--", "--no-such-iree-flag"), "iree-compile cannot compile .*no-such-iree-flag"),
    ],
)
def test_bad_input_gets_one_sentence(
    content: str | None,
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        write(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    ours, ends = (arguments, ()) if "--" not in arguments else ((), arguments)
    started = time.perf_counter()
    assert_fails(here("run", *ours, "model.mlir", *ends, output=capfd), 2, says)
    assert time.perf_counter() - started < 15
    assert not (tmp_path / "spec.mlir").exists()
    if content is not None:
        assert (tmp_path / "model.mlir").read_text() == content


def test_no_arguments_and_unknown_commands(tmp_path: Path) -> None:
    assert iree_tune(cwd=tmp_path).returncode == 2
    assert_fails(iree_tune("tune-everything", cwd=tmp_path), 2, "No such command")


def test_a_run_folder_is_never_reused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, run = write(tmp_path, GOOD), tmp_path / "run"
    with RunFolder.create(run, model) as folder:
        folder.append({"dispatch": "product", "candidate": 0})
    before = (run / "log.jsonl").read_text()
    refused = here("run", model, "--keep-flags", "--run-dir", run, output=capfd)
    assert_fails(refused, 2, "already holds a run")
    assert (run / "log.jsonl").read_text() == before


def test_ctrl_c_keeps_the_log_and_writes_no_spec(tmp_path: Path) -> None:
    model, run, spec = write(tmp_path, samples.matmul(512, 512, 512)), tmp_path / "run", tmp_path / "spec.mlir"
    spec.write_text("an older spec")
    arguments = ["run", model, "-o", spec, "--trials", "500", "--keep-flags", "--run-dir", run]
    with faults.started(*arguments, cwd=tmp_path) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not ((run / "log.jsonl").exists() and len(log_of(run)) > 3):
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == 130, stderr
        assert len(stderr.strip().splitlines()) == 1
        assert re.search("interrupted; .* continue with: iree-tune run .*--run-dir \\S+ --resume$", stderr.strip())
        assert len(log_of(run)) > 3
        assert spec.read_text() == "an older spec"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and faults.group_lives(process.pid):
            time.sleep(0.1)
        assert not faults.group_lives(process.pid), "a worker outlived the run"

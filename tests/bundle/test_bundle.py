# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bundles: compiled here, measured where there is no compiler, taken back as a spec."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import sabotage
import samples
from commands import assert_fails, here, iree_tune, log_of, write
from tuner.bundle.archive import measuring_modules
from tuner.bundle.manifest import Manifest, read_manifest
from tuner.bundle.results import FILE, DispatchResults, Machine, Results
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import InputError
from tuner.events import nobody
from tuner.measuring.presence import check_present
from tuner.measuring.racecheck import RaceCheck
from tuner.model.model import Model
from tuner.options import Options
from tuner.preview.list import list_dispatches
from tuner.targets.choosing import choose_target
from tuner.targets.cpu import CpuTarget
from tuner.targets.target import tuning_spec_flags

pytestmark = pytest.mark.runs
TRIALS = 5
# A product whose sizes are primes: the default is many times slower than nearly every candidate.
DISPATCH = "matmul_dispatch_0_matmul_101x211x103_f32"
# The flag that the bundle is made with is no choice of a run, so it is given again.
AGAIN = ("--", samples.NO_PEELING)
NEEDED_THERE = ("iree-base-runtime", "numpy", "ml_dtypes")


@pytest.fixture(name="packed", scope="module")
def make_packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for this CPU, beside its model and the folder of its run."""
    folder = tmp_path_factory.mktemp("packed")
    model = write(folder, samples.matmul(101, 211, 103) + samples.elementwise(64))
    words = ("run", model, "--no-measure", "--bundle", folder / "bundle", "--trials", str(TRIALS))
    more = ("--run-dir", folder / "run", "--dispatch", DISPATCH, "--", samples.NO_PEELING)
    done = iree_tune(*words, *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "measure.pyz" in done.stdout
    return folder / "bundle"


@pytest.fixture(name="bundle")
def copy_bundle(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "bundle"))


@pytest.fixture(name="python", scope="module")
def make_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has IREE's runtime, what that needs, and nothing else."""
    folder = tmp_path_factory.mktemp("other") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for name in NEEDED_THERE:
        found = distribution(name)
        # Folders that several distributions share are made anew, all others are linked to.
        for file in found.files or ():
            top = Path(*file.parts[: 2 if file.parts[0] == "iree" else 1])
            if ".." not in top.parts and not (site / top).exists():
                (site / top).parent.mkdir(exist_ok=True)
                (site / top).symlink_to(Path(str(found.locate_file("."))) / top)
    python = folder / "bin" / "python"
    for absent in ("iree.compiler", "z3", "tuner", "scipy", "pebble"):
        tried = subprocess.run([python, "-I", "-c", f"import {absent}"], capture_output=True, check=False)
        assert tried.returncode == 1, absent
    return python


def measure(python: Path, bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-I", str(bundle / "measure.pyz"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=600)


@pytest.fixture(name="measured_once", scope="module")
def measure_once(python: Path, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = Path(shutil.copytree(packed, tmp_path_factory.mktemp("measured") / "bundle"))
    done = measure(python, bundle)
    assert done.returncode == 0, done.stderr
    final = results_of(bundle).final
    assert final is not None
    assert f"candidate {final.number} is" in done.stdout
    return bundle


@pytest.fixture(name="measured")
def copy_measured(measured_once: Path, tmp_path: Path) -> Path:
    """The bundle after it was measured to its end, by a Python without a compiler."""
    return Path(shutil.copytree(measured_once, tmp_path / "measured"))


def results_of(bundle: Path) -> DispatchResults:
    results = Results.read(bundle)
    assert results is not None
    return results.of(DISPATCH)


def test_what_travels_imports_no_compiler() -> None:
    """Whoever adds an import to a measuring module sees here what else would have to travel."""
    parts = {name.split(".")[1] for name in measuring_modules() if "." in name}
    values = {"dispatch", "errors", "events", "foreign", "jsonable", "outcome", "processes", "speedup", "stopwatch"}
    assert parts <= {*values, "bundle", "evaluate", "facts", "measuring", "targets"}
    assert "tuner.evaluate.devices" not in measuring_modules()
    assert "tuner.targets.cpu" not in measuring_modules()


def test_a_bundle_says_what_is_in_it(packed: Path) -> None:
    manifest = read_manifest(packed)
    assert (manifest.target, manifest.threads, manifest.device.uri) == ("cpu", 1, "local-sync")
    (dispatch,) = manifest.dispatches
    assert dispatch.name == DISPATCH
    assert [each.number for each in dispatch.candidates] == list(range(TRIALS + 1))
    assert dispatch.candidates[0].point == {}
    assert len({json.dumps(each.point) for each in dispatch.candidates}) == TRIALS + 1
    for each in dispatch.candidates:
        assert (each.binary is None) == (each.fate != "Compiled")
        assert each.binary is None or (packed / each.binary).stat().st_size > 1000
    assert sum(dispatch.failures.values()) == sum(each.binary is None for each in dispatch.candidates)


def test_equal_seeds_draw_equal_candidates(packed: Path, tmp_path: Path) -> None:
    points = {}
    for seed in ("0", "1"):
        bundle = tmp_path / seed
        words = ("run", packed.parent / "model.mlir", "--no-measure", "--bundle", bundle, "--dispatch", DISPATCH)
        more = ("--seed", seed, "--trials", "3", "--run-dir", bundle.with_suffix(".run"), "--", samples.NO_PEELING)
        done = iree_tune(*words, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        points[seed] = [candidate.point for candidate in read_manifest(bundle).dispatches[0].candidates]
    assert points["0"] != points["1"]
    known = [candidate.point for candidate in read_manifest(packed).dispatches[0].candidates]
    assert points["0"][1:] == known[1:4]


def test_it_is_measured_without_a_compiler_and_goes_on_where_it_was(python: Path, measured: Path) -> None:
    whole = results_of(measured)
    assert whole.is_complete
    assert {each.fate for each in whole.ended.values()} == {"Measured"}
    assert whole.final is not None
    assert whole.final.ratio.low > 1.5
    assert whole.final.verification.passed

    # Cut off in the middle of a line, after the header, the default and three candidates.
    path = measured / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + lines[5][:30])
    assert not results_of(measured).is_complete
    done = measure(python, measured)
    assert done.returncode == 0, done.stderr
    again = results_of(measured)
    assert again.is_complete
    assert set(again.ended) == set(whole.ended)
    assert [again.ended[number] for number in (1, 2, 3)] == [whole.ended[number] for number in (1, 2, 3)]
    assert again.ended[TRIALS] != whole.ended[TRIALS]
    size = path.stat().st_size
    assert measure(python, measured).returncode == 0
    assert path.stat().st_size == size


def test_a_candidate_that_lies_or_crashes_there_is_told(python: Path, bundle: Path) -> None:
    for number, deed in ((1, "write nothing"), (2, "segfault")):
        sabotage.spoil(bundle / DISPATCH / f"{number}.vmfb", deed)
    done = measure(python, bundle)
    assert done.returncode == 0, done.stderr
    known = results_of(bundle)
    assert [known.ended[number].fate for number in (1, 2, 3)] == ["WrongResult", "RunFailed", "Measured"]
    assert known.final is not None
    assert known.final.number not in (1, 2)


def test_a_winner_is_checked_harder_on_a_device_on_which_races_hide(python: Path, bundle: Path, tmp_path: Path) -> None:
    """A CPU, taken for a GPU, and a tool that only runs what it is given, a process that runs the program."""
    tool = tmp_path / "compute-sanitizer"
    summary = "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"
    tool.write_text(f'#!/bin/sh\nshift 2; "$@" && echo "{summary}"\n')
    tool.chmod(0o755)
    manifest = json.loads((bundle / "manifest.json").read_text())
    changed(bundle, device={**manifest["device"], "may_race": True, "has_racecheck": True})
    command = [str(python), "-I", str(bundle / "measure.pyz")]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    final = results_of(bundle).final
    assert final is not None
    assert (len(final.seeds), final.runs, final.races) == (8, 20, RaceCheck())
    assert f"candidate {final.number}: checked on 8 seeds, 20 runs each; racecheck: no hazards" in done.stdout


def test_a_default_that_does_not_run_there_is_told(python: Path, bundle: Path) -> None:
    (bundle / DISPATCH / "0.vmfb").write_bytes(b"no program")
    done = measure(python, bundle)
    assert_fails(done, 1, f"1 dispatches could not be measured, {DISPATCH}")
    assert "cannot be loaded" in done.stdout
    assert "cannot be loaded" in results_of(bundle).refused


def test_what_was_measured_there_becomes_a_spec_here(
    packed: Path, measured: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The spec holds the candidate that won there; here, too, it applies, computes the same and is faster."""
    model = packed.parent / "model.mlir"
    spec, run, store = tmp_path / "spec.mlir", tmp_path / "run", tmp_path / "store"
    assert_fails(
        here("take-back", model, packed, "-o", spec, *AGAIN, output=capfd), 2, "has no results.jsonl; measure it"
    )
    for name in ("manifest.json", "results.jsonl", "measure.pyz"):
        refused = here("take-back", model, measured, "-o", measured / name, *AGAIN, output=capfd)
        assert_fails(refused, 2, f"{name} is a file of the bundle; choose another -o")
    words = ("take-back", model, measured, "-o", spec, "--run-dir", run, "--store", store, *AGAIN)
    done = iree_tune(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    known, final = results_of(measured), results_of(measured).final
    assert final is not None
    result = json.loads((run / "result.json").read_text())
    tuned = next(each for each in result["dispatches"] if each["dispatch"] == DISPATCH)
    assert tuned["final"]["candidate"] == final.number
    assert tuned["certificate"]["ratio"]["value"] == final.ratio.value
    assert tuned["certificate"]["baseline_s"] == list(final.paired.baseline_s)
    assert [record["time_s"] for record in log_of(run)] == [known.ended[number].time_s for number in range(TRIALS + 1)]
    with sqlite3.connect(store) as connection:
        kept = connection.execute("select time_s from evaluations order by time_s").fetchall()
    assert [time_s for (time_s,) in kept] == sorted(known.ended[number].time_s or 0 for number in range(1, TRIALS + 1))
    configured = tmp_path / "configured.mlir"
    flags = (*CpuTarget().compile_flags, *tuning_spec_flags(spec))
    Model.open(model, flags).compile_or_reject(configured, "--compile-to=executable-configurations")
    held = read_model_configurations(configured)[DISPATCH]
    distribution = tuned["winner"]["levels"]["distribution"]
    assert any(f"distribution = {distribution}" in config for config in held.lowering_configs)
    checked = iree_tune("check", model, spec, "--function", "matmul", "--", samples.NO_PEELING, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "whole model" in checked.stdout


def test_a_measuring_that_has_not_ended_is_taken_back_as_such(packed: Path, measured: Path, tmp_path: Path) -> None:
    path = measured / FILE
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    done = iree_tune(
        "take-back", packed.parent / "model.mlir", measured, "--run-dir", tmp_path / "run", *AGAIN, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "its measuring has not ended" in done.stdout
    assert len(log_of(tmp_path / "run")) == 3


def test_a_bundle_of_one_of_two_equal_problems_is_taken_back(tmp_path: Path) -> None:
    """Without the bundle the first dispatch would stand for both. The candidates' space is the one that it names."""
    model = write(tmp_path, samples.matmul(48, 32, 64) + samples.matmul_bias_relu(48, 32, 64))
    words = ("run", model, "--no-measure", "--bundle", "bundle", "--trials", "1", "--dispatch")
    second = list_dispatches(model, Options(), nobody)[1].name
    assert iree_tune(*words, second, cwd=tmp_path).returncode == 0
    results = Results.open(tmp_path / "bundle", Machine("a CPU", "local-sync", "3.13.0", "3.12.1"))
    results.add_refused(second, "it does not run there")
    done = iree_tune("take-back", model, "bundle", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "it does not run there" in done.stdout
    dispatches = json.loads((tmp_path / "bundle" / "manifest.json").read_text())["dispatches"]
    changed(tmp_path / "bundle", dispatches=[{**dispatches[0], "space": "cpu-reduction"}])
    (tmp_path / "bundle" / FILE).unlink()
    Results.open(tmp_path / "bundle", Machine("a CPU", "local-sync", "3.13.0", "3.12.1"))
    assert_fails(iree_tune("take-back", model, "bundle", cwd=tmp_path), 2, "the space cpu-reduction does not serve")


def test_a_bundle_of_another_model_or_compiler_is_refused(
    packed: Path, measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    other = write(tmp_path, samples.matmul(101, 211, 107), "other.mlir")
    refused = here("take-back", other, measured, *AGAIN, output=capfd)
    assert_fails(refused, 2, f"made of another model: its dispatch {DISPATCH}")
    (measured / FILE).unlink()
    changed(measured, compiler_version="3.12.0")
    Results.open(measured, Machine("a CPU", "local-sync", "3.12.0", "1.0"))
    refused = here("take-back", packed.parent / "model.mlir", measured, output=capfd)
    assert_fails(refused, 2, "made with iree-compile 3.12.0, here it is")


def test_flags_are_not_used_on_a_manifests_word(packed: Path, bundle: Path, tmp_path: Path) -> None:
    """A flag can name a program that iree-compile runs. Choices of a run are used, others if they are given again."""
    model, program, ran = packed.parent / "model.mlir", tmp_path / "linker.sh", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    flag = f"--iree-llvmcpu-embedded-linker-path={program}"
    changed(bundle, flags=["--iree-opt-level=O2", flag])
    Results.open(bundle, Machine("a CPU", "local-sync", "3.13.0", "3.12.1"))
    done = iree_tune("take-back", model, bundle, cwd=tmp_path)
    assert_fails(done, 2, f"was made with {flag}, which is no choice of flags for cpu")
    assert done.stderr.split()[-4:] == ["MODEL", "BUNDLE", "--", flag]
    done = iree_tune("take-back", model, bundle, "--", flag, "--iree-opt-level=O1", cwd=tmp_path)
    assert_fails(done, 2, "was made without --iree-opt-level=O1; leave it out")
    assert not ran.exists()


def changed(bundle: Path, **values: Any) -> Path:
    path = bundle / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return bundle


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"schema": "iree-tuner-bundle/99"}, "update iree-tuner"),
        ({"schema": "something"}, "no bundle's manifest: its schema is something"),
        ({"threads": "one"}, r"broken \(Manifest.threads is 'one'"),
        ({"colour": 1}, "has an unknown 'colour'"),
        ({"dispatches": [{}]}, r"Manifest.dispatches\[0\] has no 'name'"),
    ],
)
def test_a_bad_manifest_is_refused_in_a_sentence(values: dict[str, Any], said: str, python: Path, bundle: Path) -> None:
    done = measure(python, changed(bundle, **values))
    assert done.returncode == 2
    assert_fails(done, 2, said)


def test_a_candidate_cannot_lie_outside_of_the_bundle(bundle: Path) -> None:
    data = json.loads((bundle / "manifest.json").read_text())
    data["dispatches"][0]["candidates"][1]["binary"] = "../1.vmfb"
    (bundle / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="lies outside"):
        read_manifest(bundle)


def test_no_bundle_and_half_a_manifest_are_refused_in_a_sentence(python: Path, bundle: Path, tmp_path: Path) -> None:
    assert_fails(measure(python, bundle, str(tmp_path)), 2, "is no bundle")
    text = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(text[: len(text) // 2])
    assert_fails(measure(python, bundle), 2, "is broken .*copy the bundle again")


def test_one_process_at_a_time_measures_a_bundle(python: Path, measured: Path) -> None:
    with (measured / "manifest.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert_fails(measure(python, measured), 2, "another process measures")
    assert measure(python, measured).returncode == 0


def test_results_of_another_bundle_are_refused(bundle: Path) -> None:
    header = {"schema": "iree-tuner-results/4", "bundle": "another", "machine": {}}
    (bundle / FILE).write_text(json.dumps(header) + "\n")
    with pytest.raises(InputError, match="belongs to another bundle"):
        Results.read(bundle)
    (bundle / FILE).write_text("[1]\n")
    with pytest.raises(InputError, match="is broken"):
        Results.read(bundle)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-measure", "-o", "spec.mlir"), "-o has no use if nothing is measured.*take-back"),
        (("--no-measure", "--budget", "2m"), "--budget has no use"),
        (("--no-measure", "--device", "local-sync://0"), "--device is given to the program that measures"),
        (("--bundle", "there"), "--bundle is where --no-measure writes"),
        (("--no-measure", "--bundle", "model.mlir"), "is there already"),
        (("--no-measure", "--bundle", "nowhere/bundle"), "there is no folder"),
    ],
)
def test_bad_usage_is_a_sentence(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    model = write(tmp_path, samples.matmul(8, 8, 8))
    assert_fails(here("run", model, *arguments, output=capfd), 2, said)
    assert [path.name for path in tmp_path.iterdir()] == ["model.mlir"]


def test_where_the_device_is_not_here_a_run_names_the_bundle(tmp_path: Path) -> None:
    """No machine has a hundredth GPU."""
    with pytest.raises(InputError, match=r"nothing can be measured on hip://99 here .*--no-measure"):
        check_present(choose_target("rocm:gfx942", devices=("hip://99",)).device)
    model = write(tmp_path, samples.matmul(8, 8, 8))
    assert_fails(iree_tune("run", model, "--target", "vulkan", cwd=tmp_path), 2, "vulkan cannot be tuned")
    assert [path.name for path in tmp_path.iterdir()] == ["model.mlir"]


def test_where_nothing_is_tunable_the_bundle_says_so(tmp_path: Path) -> None:
    model = write(tmp_path, "func.func @same(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }")
    done = iree_tune("run", model, "--no-measure", "--bundle", "bundle", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing here is tunable" in done.stdout
    manifest: Manifest = read_manifest(tmp_path / "bundle")
    assert manifest.dispatches == ()

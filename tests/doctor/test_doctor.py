# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The doctor on this machine as it is, and on installations and devices that are really broken."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tuner.doctor.devices import check_device
from tuner.doctor.findings import Finding, Severity
from tuner.doctor.gpu_tools import check_gpu_tools
from tuner.doctor.machine import check_folder
from tuner.doctor.plugin import check_plugin
from tuner.doctor.product import MODULE, compile_product, verify_product
from tuner.doctor.versions import check_packages, check_python, check_versions
from tuner.errors import ToolError
from tuner.facts import objdump as objdump_module
from tuner.facts import ptxas as ptxas_module
from tuner.facts.objdump import find_objdump
from tuner.facts.ptxas import find_ptxas
from tuner.measuring import Runner
from tuner.measuring import cupti as cupti_module
from tuner.rates.peaks import read_peaks
from tuner.targets.cpu import CpuTarget
from tuner.targets.host import processor_name
from tuner.targets.rocm_chip import find_chips


def doctor(cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tuner", "doctor"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, timeout=300, env={**os.environ, **environment}
    )


def assert_wrong(finding: Finding, says: str) -> None:
    """The finding is wrong, says why, and has a sentence of advice."""
    assert finding.severity is Severity.WRONG
    assert says in finding.text
    assert finding.advice


@pytest.mark.compiler
def test_a_working_installation(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if "→" not in line)
    for package in ("iree-base-compiler", "iree-base-runtime", "z3-solver"):
        assert lines[f"ok    {package}"] == f"{version(package)}, supported"
    assert lines["ok    iree-tuner"] == version("iree-tuner")
    assert "iree-opt loads it and its passes work" in lines["ok    plugin"]
    for device in ("local-sync", "local-task"):
        assert lines[f"ok    {device}"] == "a matrix product compiles, runs and is correct"
    for driver in ("cuda", "hip", "vulkan"):
        assert any(driver in subject for subject in lines), done.stdout
    assert any(subject.split()[-1] == "noise" for subject in lines)
    (peaks,) = read_peaks(tmp_path / ".iree-tuner" / "peaks.json")
    assert peaks.is_of(processor_name(), "local-sync", 1)
    # No processor of the last twenty years is slower, and none of the next ten faster.
    assert 1e8 < peaks.operations_per_s < 1e13
    assert 1e8 < peaks.bytes_per_s < 1e13
    assert f"{peaks.operations_per_s / 1e9:.3g} GFLOP/s of f32" in lines["ok    peaks"]
    assert f"{len(os.sched_getaffinity(0))} to compile on" in done.stdout.replace(f" of {os.cpu_count()}", "")
    assert "GiB free" in lines["ok    working folder"]


def test_a_runtime_of_another_release_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install --no-deps iree-base-runtime==3.11.0`: the metadata says so."""
    installed = tmp_path / "iree_base_runtime-3.11.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: iree-base-runtime\nVersion: 3.11.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = {finding.subject: finding for finding in check_versions()}
    needed = {package.name: package.specifier for package in map(Requirement, requires("iree-tuner") or ())}
    assert_wrong(found["iree-base-runtime"], f"3.11.0, and {needed['iree-base-runtime']} is needed")
    compiler = version("iree-base-compiler")
    different = found["compiler and runtime"]
    assert_wrong(different, f"of different releases ({compiler} and 3.11.0)")
    assert f"pip install iree-base-compiler=={compiler} iree-base-runtime=={compiler}" in different.advice


@pytest.mark.compiler
def test_a_compiler_that_does_not_load_is_a_finding(tmp_path: Path) -> None:
    """A half-removed wheel: its folder is there, its modules are gone."""
    (tmp_path / "iree" / "compiler").mkdir(parents=True)
    (tmp_path / "iree" / "compiler" / "__init__.py").write_text("from . import _gone\n")
    done = doctor(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout
    assert "wrong plugin: a part of the installation does not load" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "working folder" in done.stdout


def test_packages_that_are_missing_or_unsupported() -> None:
    installed = version("numpy")
    missing, old = check_packages([Requirement("no-such-package-as-this>=2"), Requirement(f"numpy!={installed}")])
    assert_wrong(missing, "not installed")
    assert_wrong(old, f"{installed}, and !={installed} is needed")
    assert check_packages([Requirement(f"numpy=={installed}")]) == []
    assert check_packages([Requirement("z3-solver>=4")]) == [Finding("z3-solver", f"{version('z3-solver')}, supported")]


def test_python_must_be_new_enough() -> None:
    assert check_python(">=3.11").severity is Severity.FINE
    assert_wrong(check_python(">=99"), ">=99 is needed")


def test_a_file_that_is_no_plugin(tmp_path: Path) -> None:
    plugin = tmp_path / "libIREETunerPlugin.so"
    plugin.write_text("not a library")
    assert_wrong(check_plugin(plugin, tmp_path), "iree-opt does not load")


@pytest.mark.parametrize("folder", [Path("/proc"), Path("/no/such/folder")])
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    assert_wrong(check_folder(folder), "cannot be written")


def test_a_device_that_is_not_there(tmp_path: Path, target: CpuTarget) -> None:
    assert_wrong(check_device("local-abacus", "", lambda: target.compile_flags, tmp_path), "does not run on it")


@pytest.mark.compiler
def test_a_device_for_which_nothing_compiles(tmp_path: Path) -> None:
    finding = check_device("local-sync", "", lambda: ("--iree-hal-target-device=abacus",), tmp_path)
    assert_wrong(finding, "no matrix product can be compiled")
    with pytest.raises(ToolError, match="abacus"):
        compile_product(["--iree-hal-target-device=abacus"], tmp_path)


def test_a_product_that_computes_something_else_is_noticed(tmp_path: Path, target: CpuTarget) -> None:
    """It multiplies the first matrix by itself instead of by the second."""
    spoilt = MODULE.replace("ins(%a, %b :", "ins(%a, %a :")
    assert spoilt != MODULE
    with Runner(target.device) as runner:
        assert verify_product(runner, compile_product(target.compile_flags, tmp_path)).passed
        spoilt_product = compile_product(target.compile_flags, tmp_path, module=spoilt)
        assert not verify_product(runner, spoilt_product).passed


def test_chips_of_amd_gpus_as_the_driver_lists_them(tmp_path: Path) -> None:
    """Node 0 is a processor; the nodes of GPUs are in the driver's order, also past nine."""
    versions = {0: 0, 1: 90402, 2: 90010, 10: 120001, 9: 110000}
    for node, number in versions.items():
        (tmp_path / str(node)).mkdir()
        (tmp_path / str(node) / "properties").write_text(f"simd_count 304\ngfx_target_version {number}\nnum_cp 1\n")
    assert find_chips(tmp_path) == ("gfx942", "gfx90a", "gfx1100", "gfx1201")
    assert find_chips(tmp_path / "none") == ()


def tools_with(monkeypatch: pytest.MonkeyPatch, ptxas: str, objdump: str, cupti: str, folder: Path) -> list[str]:
    monkeypatch.setenv(ptxas_module.VARIABLE, ptxas)
    monkeypatch.setenv(objdump_module.VARIABLE, objdump)
    monkeypatch.setenv(cupti_module.VARIABLE, cupti)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    find_ptxas.cache_clear()
    find_objdump.cache_clear()
    try:
        return [line for finding in check_gpu_tools() for line in finding.lines()]
    finally:
        find_ptxas.cache_clear()
        find_objdump.cache_clear()


def test_tools_for_gpus_are_named_or_their_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tools_with(monkeypatch, "no-such-ptxas", "no-such-objdump", "no-such-cupti", tmp_path / "nothing")
    assert lines == [
        "ok    ptxas: not found; it counts registers and spills of code for NVIDIA GPUs",
        "ok    compute-sanitizer: not found; it looks for data races in winners on NVIDIA GPUs",
        "ok    CUPTI: not found; it times dispatches by the clock of NVIDIA GPUs, with --clock device",
        "ok    llvm-objdump: not found; it counts the instructions of code for AMD GPUs, if it knows the chip",
    ]
    for name in ("ptxas", "compute-sanitizer", "objdump"):
        (tmp_path / name).write_text("#!/bin/sh\necho release 13.0, V13.0.88\n")
        (tmp_path / name).chmod(0o755)
    # Any library that can be loaded is found.
    lines = tools_with(monkeypatch, "ptxas", "objdump", "libc.so.6", tmp_path)
    assert lines == [
        f"ok    ptxas: {tmp_path}/ptxas, release 13.0, counts registers and spills of code for NVIDIA GPUs",
        f"ok    compute-sanitizer: {tmp_path}/compute-sanitizer looks for data races in winners on NVIDIA GPUs",
        "ok    CUPTI: libc.so.6 times dispatches by the clock of NVIDIA GPUs, with --clock device",
        f"ok    llvm-objdump: {tmp_path}/objdump counts the instructions of code for AMD GPUs, if it knows the chip",
    ]
    (tmp_path / "ptxas").write_bytes(b"\x7fELF broken")
    assert "does not run" in tools_with(monkeypatch, "ptxas", "objdump", "libc.so.6", tmp_path)[0]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures that several tests share: a target, models compiled once, runs that have ended.

Markers say what a test needs (pyproject.toml lists them). A module that compiles, runs or measures throughout says so
at its top (`pytestmark`). So does any other test that does, unless it uses a fixture of `MARKED`, which marks it.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import prime_matmul
import sabotage
import samples
import tuner
from extraction import extract_text
from tuner import plugins
from tuner.dispatches.extract import Extracted
from tuner.events import Event
from tuner.specs.write import late_path
from tuner.targets.cpu import CpuTarget
from tuner.tuning.result import TuneResult

# pytest reads each module of ours as a syntax tree, which CPython 3.11 sometimes fails at if two threads do it at once
# (python/cpython#106905), and a run imports its strategy in a thread. So all are imported before.
for strategy in plugins.names("tuner.strategies"):
    plugins.load("tuner.strategies", strategy)

# Which marker a test gets that uses a fixture of this file, directly or through another one.
MARKED = {
    "target": "compiler",
    "compiled_once": "runs",
    "recorded": "runs",
    "delivered": "runs",
    "alone": "runs",
}


def pytest_configure(config: pytest.Config) -> None:
    # A shell hands its background jobs Ctrl-C ignored, and `nohup` the hangup; they would pass that on to the programs
    # that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.pluginmanager.register(Failures(config))
    gc.disable()


def pytest_collection_finish() -> None:
    # Hundreds of modules and thousands of tests stay until the end: no collection of garbage looks through them.
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            for fixture in MARKED.keys() & (set(item.fixturenames) - parameters.keys()):
                item.add_marker(MARKED[fixture])


class Failures:
    """Says at once why a test failed; the summary is not reached where a later one hangs."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._config.get_terminal_writer().line(f"\n{report.nodeid}: {report.longreprtext}")


def pytest_report_header() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") >> 30
    disk_gib = shutil.disk_usage(tempfile.gettempdir()).free >> 30
    load, *_ = os.getloadavg()
    return f"machine: {os.cpu_count()} cores, load {load:.1f}, free: {memory_gib} GiB memory, {disk_gib} GiB disk"


@pytest.fixture(name="target", scope="session")
def make_target() -> CpuTarget:
    return CpuTarget(threads=1)


@pytest.fixture(name="fused", scope="session")
def make_fused(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    """A matmul with bias and relu, 96 x 128 x 64."""
    return extract_text(samples.matmul_bias_relu(96, 128, 64), tmp_path_factory.mktemp("fused"), target)


@pytest.fixture(name="compiled_once", scope="session")
def compile_once(tmp_path_factory: pytest.TempPathFactory) -> prime_matmul.Compiled:
    return prime_matmul.compile_in(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(name="compiled")
def copy_compiled(compiled_once: prime_matmul.Compiled, tmp_path: Path) -> prime_matmul.Compiled:
    """A product of prime sizes, compiled by default and with candidates. The binaries are the test's own."""
    return compiled_once.copied_to(tmp_path)


@pytest.fixture(name="heard", scope="session")
def make_heard() -> list[Event]:
    """What the listener of the `recorded` run received."""
    return []


@pytest.fixture(name="recorded", scope="session")
def make_recorded(tmp_path_factory: pytest.TempPathFactory, heard: list[Event]) -> tuple[TuneResult, Path]:
    """A run of thirty candidates and its folder; candidate 1 crashed, candidate 6 computed something else.

    No tile divides a prime: the default is many times too slow, and nearly every candidate is faster.
    """
    folder = tmp_path_factory.mktemp("recorded")
    model, run = folder / "primes.mlir", folder / "run"
    model.write_text(samples.matmul(101, 211, 103))
    with sabotage.spoiling(run, {1: "segfault", 6: "write nothing"}):
        result = tuner.tune(
            model,
            trials=30,
            workers=1,
            allocator="default",
            keep_flags=True,
            flags=(samples.NO_PEELING,),
            run_dir=run,
            listen=heard.append,
        )
    return result, run


@pytest.fixture(name="delivered", scope="session")
def make_delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[TuneResult, Path]:
    """A run with an early entry, for a product, and a late one, for a softmax; and the spec that it delivered.

    The model and the run's folder lie beside the spec: `model.mlir` and `run`. The function's name is no file's.
    """
    folder = tmp_path_factory.mktemp("delivered")
    model, spec = folder / "model.mlir", folder / "spec.mlir"
    model.write_text(samples.matmul(103, 107, 109, '"a/b"') + samples.softmax(127, 211))
    result = tuner.tune(
        model,
        allocator="default",
        keep_flags=True,
        flags=(samples.NO_PEELING,),
        trials=4,
        function="a/b",
        output=spec,
        run_dir=folder / "run",
    )
    assert [dispatch.winner is not None for dispatch in result.dispatches] == [True, True]
    assert late_path(spec).exists()
    return result, spec


@pytest.fixture(name="alone", scope="session")
def make_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on one device, whose questions do not depend on answers: other devices are to find the same.

    No tile divides a prime: the default is many times too slow, and nearly every candidate is faster.
    """
    folder = tmp_path_factory.mktemp("alone")
    command = prime_matmul.random_run(folder, "run")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "run"

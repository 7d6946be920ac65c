# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures that several tests share: a model extracted once, a run that has ended, what a target says."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import faults
import prime_matmul
import sabotage
import samples
import tuner
from extraction import extract_text
from tuner.dispatches.extract import Extracted
from tuner.targets.cpu import CpuTarget
from tuner.tuning.result import TuneResult


def pytest_configure(config: pytest.Config) -> None:
    # A shell hands its background jobs Ctrl-C ignored; they would pass it on to the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Failures(config))


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


@pytest.fixture(name="compiled")
def make_compiled(tmp_path: Path) -> prime_matmul.Compiled:
    return prime_matmul.compile_in(tmp_path)


@pytest.fixture(name="recorded", scope="session")
def make_recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[TuneResult, Path]:
    """A run of thirty candidates and its folder; candidate 1 crashed, candidate 6 computed something else.

    No tile divides a prime: the default is many times too slow, and nearly every candidate is faster.
    """
    folder = tmp_path_factory.mktemp("recorded")
    model, run = folder / "primes.mlir", folder / "run"
    model.write_text(samples.matmul(101, 211, 103))
    deeds = {1: "segfault", 6: "write nothing"}
    done: set[int] = set()

    def spoil() -> None:
        # One worker compiles in order: where the next binary is there, this one is whole.
        for number, deed in deeds.items():
            for following in (run / "candidates").glob(f"*/{number + 1}.vmfb"):
                if number not in done:
                    sabotage.spoil(following.with_name(f"{number}.vmfb"), deed)
                    done.add(number)

    with faults.meanwhile(spoil, every_s=0.002):
        return tuner.tune(model, trials=30, workers=1, keep_flags=True, flags=(samples.NO_PEELING,), run_dir=run), run

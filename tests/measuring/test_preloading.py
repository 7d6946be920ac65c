# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs are loaded beforehand where the driver compiles them, each once, and a failure is left for later."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import faults
from tuner.errors import MeasurementError
from tuner.measuring.preloading import Preloader
from tuner.targets import Device


@dataclass(frozen=True)
class Traced:
    """A program that leaves a trace of being loaded, then ends in its own way."""

    trace: Path
    ends: str = "well"

    def load(self, device_uri: str) -> LoadedTraced:
        assert device_uri == "local-sync"
        with self.trace.open("a") as file:
            file.write("loaded\n")
        if self.ends == "crash":
            os._exit(3)
        if self.ends == "fail":
            raise MeasurementError("there is nothing to load")
        return LoadedTraced()


class LoadedTraced:
    def fill(self, seed: int) -> None:
        raise NotImplementedError

    def run(self, times: int) -> None:
        raise NotImplementedError

    def outputs(self) -> list[np.ndarray]:
        raise NotImplementedError


@pytest.mark.parametrize("compiles_on_load", [True, False])
def test_programs_are_loaded_once_where_loading_compiles(tmp_path: Path, compiles_on_load: bool) -> None:
    device = Device("local-sync", (), "wall", "", compiles_on_load=compiles_on_load)
    programs = [Traced(tmp_path / f"{number}") for number in range(5)]
    with Preloader(device, workers=2) as preloader:
        preloader.load(programs)
    loads = [program.trace.read_text().count("loaded") if program.trace.exists() else 0 for program in programs]
    assert loads == [1 if compiles_on_load else 0] * 5


def test_processes_begin_before_there_is_anything_to_load(tmp_path: Path) -> None:
    device = Device("local-sync", (), "wall", "", compiles_on_load=True)
    before = set(faults.measuring(os.getpid()))
    with Preloader(device, workers=2) as preloader:
        preloader.begin()
        preloader.wait()
        begun = set(faults.measuring(os.getpid())) - before
        assert len(begun) == 2
        preloader.load([Traced(tmp_path / "program")])
        assert set(faults.measuring(os.getpid())) - before == begun
    assert set(faults.measuring(os.getpid())) == before
    assert (tmp_path / "program").exists()


def test_leaving_at_once_leaves_no_process() -> None:
    device = Device("local-sync", (), "wall", "", compiles_on_load=True)
    before = set(faults.measuring(os.getpid()))
    with Preloader(device, workers=2) as preloader:
        preloader.begin()
    assert set(faults.measuring(os.getpid())) == before


def test_a_device_that_cannot_be_opened_is_told_of_later() -> None:
    device = Device("local-nothing", (), "wall", "", compiles_on_load=True)
    with Preloader(device, workers=1) as preloader:
        preloader.begin()
        preloader.wait()


def test_there_are_no_more_processes_than_a_device_bears() -> None:
    device = Device("local-sync", (), "wall", "", compiles_on_load=True)
    before = set(faults.measuring(os.getpid()))
    with Preloader(device, workers=64) as preloader:
        preloader.begin()
        preloader.wait()
        assert len(set(faults.measuring(os.getpid())) - before) == 8


def test_what_fails_or_crashes_stops_no_other(tmp_path: Path) -> None:
    device = Device("local-sync", (), "wall", "", compiles_on_load=True)
    programs = [Traced(tmp_path / f"{number}", ends) for number, ends in enumerate(["crash", "well", "fail", "well"])]
    with Preloader(device, workers=1) as preloader:
        preloader.load(programs)
    assert all(program.trace.exists() for program in programs)

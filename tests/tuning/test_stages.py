# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stages of a client's own, and the devices that they measure on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import samples
import tuner
from tuner.errors import DeviceLostError
from tuner.events import Disturbance, Event
from tuner.measuring import Runner
from tuner.tuning.stages import Known
from tuner.tuning.workbench import Workbench

PROCESSORS = sorted(os.sched_getaffinity(0))
pytestmark = [
    pytest.mark.runs,
    pytest.mark.skipif(len(PROCESSORS) < 2, reason="two devices need two processors"),
]


class Losing:
    """A stage whose device is lost so many times."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.calls: list[tuple[Runner, Known]] = []

    def __call__(self, bench: Workbench, known: Known) -> Known:
        self.calls.append((bench.runner, known))
        if len(self.calls) <= self._times:
            raise DeviceLostError("the device is gone")
        return known


def run_with(stage: Losing, folder: Path, heard: list[Event]) -> None:
    model = folder / "model.mlir"
    model.write_text(samples.matmul(8, 8, 8))
    devices = tuple(f"local-sync://{processor}" for processor in PROCESSORS[:2])
    tuner.tune(model, devices=devices, stages=(stage,), run_dir=folder / "run", listen=heard.append)


def test_a_stage_whose_device_is_lost_is_called_again_on_another(tmp_path: Path) -> None:
    heard: list[Event] = []
    stage = Losing(times=1)
    run_with(stage, tmp_path, heard)
    (first, known), (second, known_again) = stage.calls
    assert first is not second
    assert known_again is known
    assert [event.text for event in heard if isinstance(event, Disturbance)] == [
        "the device is gone; the run goes on with 1 of 2 devices"
    ]


def test_a_stage_that_loses_every_device_ends_the_run(tmp_path: Path) -> None:
    stage = Losing(times=2)
    with pytest.raises(DeviceLostError, match="the device is gone"):
        run_with(stage, tmp_path, [])
    assert len(stage.calls) == 2

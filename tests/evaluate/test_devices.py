# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several devices at once: what is asked stays the same, each has its own processors, one that goes is done without."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

import faults
from prime_matmul import (
    TARGET,
    TRIALS,
    Compiled,
    VanishingDevice,
    assert_won,
    candidates,
    random_run,
    records,
)
from tuner.errors import DeviceLostError
from tuner.evaluate.devices import Benches, Devices
from tuner.events import Disturbance, Event
from tuner.measuring import Runner
from tuner.measuring.preloading import Preloader
from tuner.outcome import Fate
from tuner.targets import Device

PROCESSORS = sorted(os.sched_getaffinity(0))
TWO = tuple(f"local-sync://{processor}" for processor in PROCESSORS[:2])
pytestmark = [
    pytest.mark.runs,
    pytest.mark.skipif(len(PROCESSORS) < 2, reason="two devices need two processors"),
]


class BadlyEnding(Runner):
    """Its device's driver fails while the process ends."""

    def __exit__(self, *ends: Any) -> None:
        super().__exit__(*ends)
        raise RuntimeError("the driver is gone")


def test_a_runner_that_ends_badly_leaks_no_other() -> None:
    device = Device("local-sync", (), "cpu", "1 thread")
    runners = [Runner(device), BadlyEnding(device), Runner(device)]
    before = set(faults.children(os.getpid()))
    with pytest.raises(RuntimeError, match="the driver is gone"), Devices(runners, Preloader(device, 1)) as devices:
        devices.begin()
        assert len(set(faults.children(os.getpid())) - before) == 3
    assert set(faults.children(os.getpid())) <= before


def start_run(folder: Path, trials: int = TRIALS, devices: Sequence[str] = TWO) -> subprocess.Popen[str]:
    chosen = [word for device in devices for word in ("--device", device)]
    return subprocess.Popen(
        random_run(folder, "run", *chosen, trials=trials),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def measuring_on(parent: int, processor: int) -> list[int]:
    """The processes of a run that measure on one processor alone."""
    found = []
    for pid in faults.measuring(parent):
        try:
            if os.sched_getaffinity(pid) == {processor}:
                found.append(pid)
        except ProcessLookupError:
            continue
    return found


def test_two_devices_are_asked_what_one_is_asked(alone: Path, tmp_path: Path) -> None:
    process = start_run(tmp_path)
    seen: set[int] = set()

    def look() -> None:
        seen.update(processor for processor in PROCESSORS if measuring_on(process.pid, processor))

    with faults.meanwhile(look):
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert f"Tuned on {TWO[0]}, {TWO[1]}, 1 thread" in stdout
    assert seen == set(PROCESSORS[:2])
    one, two = candidates(alone), candidates(tmp_path / "run")
    assert [candidate["candidate"] for candidate in two] == list(range(TRIALS + 1))
    assert [candidate["configuration"] for candidate in one] == [candidate["configuration"] for candidate in two]
    assert {candidate["fate"] for candidate in two} == {"Measured"}
    # A candidate is compared with the default of its own device: what is fast by one measure is so by the other.
    speedups = [[candidate["speedup"] for candidate in run[1:]] for run in (one, two)]
    assert spearmanr(*speedups).statistic > 0.5
    assert_won(tmp_path / "run")


# tests/tuning/test_searches_by_replay.py has it by replay.
@pytest.mark.slow
def test_a_device_that_is_gone_costs_nothing_but_its_help(tmp_path: Path) -> None:
    process = start_run(tmp_path, trials=24)

    def kill() -> None:
        if len(candidates(tmp_path / "run")) > 6:
            faults.kill(measuring_on(process.pid, PROCESSORS[1]))

    with faults.meanwhile(kill, every_s=0.005):
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    ended = candidates(tmp_path / "run")
    assert [candidate["candidate"] for candidate in ended] == list(range(25))
    lost = [record["detail"] for record in records(tmp_path / "run") if record.get("event") == "disturbance"]
    assert any(f"the device {TWO[1]} is lost" in detail and "1 of 2 devices" in detail for detail in lost), lost
    # What was under way when its process was killed may have been taken for the candidate's own fault, once.
    assert sum(candidate["fate"] != "Measured" for candidate in ended) <= 2
    assert_won(tmp_path / "run")


@pytest.mark.slow
def test_the_device_that_leads_can_go_too(tmp_path: Path) -> None:
    process = start_run(tmp_path)

    def kill() -> None:
        if len(candidates(tmp_path / "run")) == TRIALS + 1:
            faults.kill(measuring_on(process.pid, PROCESSORS[0]))

    with faults.meanwhile(kill, every_s=0.005):
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert_won(tmp_path / "run")


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    process = start_run(tmp_path, trials=300)
    deadline = time.monotonic() + 120
    while len(candidates(tmp_path / "run")) < 6:
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(0.05)
    faults.kill([process.pid])
    process.communicate(timeout=60)
    while faults.group_lives(process.pid):
        assert time.monotonic() < deadline + 20, "a process outlived the run"
        time.sleep(0.1)


def benches_on(devices: Devices, compiled: Compiled, heard: list[Event]) -> Benches:
    program, problem = compiled.dispatch.program, compiled.dispatch.problem
    assert program is not None
    assert problem is not None
    return Benches.start(devices, program, compiled.default, dispatch="d", listen=heard.append)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_candidates_in_flight_go_to_another_device(compiled: Compiled, tmp_path: Path, limit: int) -> None:
    """The device goes while its default is loaded, or a candidate; every candidate comes to its own end."""
    heard: list[Event] = []
    vanishing: Any = VanishingDevice(tmp_path / "loads", limit)
    runners = [Runner(TARGET.device), Runner(vanishing)]
    with Devices(runners, Preloader(TARGET.device, 1), heard.append) as devices:
        benches = benches_on(devices, compiled, heard)
        ends = [each for _ in range(4) for each in benches.evaluate(compiled.candidates)]
        assert devices.living == (runners[0],)
    assert sorted(each.candidate.number for each in ends) == sorted([1, 2, 3] * 4)
    # A device that goes while a candidate is loaded looks as if the candidate failed, which is one end, once.
    assert sum(each.fate is not Fate.MEASURED for each in ends) <= 1
    told = [event.text for event in heard if isinstance(event, Disturbance)]
    assert any("1 of 2 devices" in text for text in told), told


def test_where_every_device_is_lost_the_run_ends(compiled: Compiled, tmp_path: Path) -> None:
    vanishing: list[Any] = [VanishingDevice(tmp_path / f"loads{number}", 6) for number in range(2)]
    with Devices([Runner(device) for device in vanishing], Preloader(TARGET.device, 1)) as devices:
        benches = benches_on(devices, compiled, [])
        with pytest.raises(DeviceLostError, match="is lost"):
            for _ in range(10):
                list(benches.evaluate(compiled.candidates))
        assert devices.living == ()


def test_a_batch_is_loaded_before_it_is_timed_where_loading_compiles(compiled: Compiled) -> None:
    device = Device("local-sync", (), "cpu", "1 thread", compiles_on_load=True, in_host_memory=True)
    preloader = Preloader(device, 2)
    with Devices([Runner(device)], preloader) as devices:
        benches = benches_on(devices, compiled, [])
        before = len(faults.measuring(os.getpid()))
        ends = benches.evaluate(compiled.candidates)
        assert next(ends).fate is Fate.MEASURED
        assert len(faults.measuring(os.getpid())) == before + 2
    assert not faults.measuring(os.getpid())


@pytest.mark.parametrize("device", ["local-sync://", "cuda://0", "local-sync://1234"])
def test_a_device_that_there_is_not_is_refused(tmp_path: Path, device: str) -> None:
    process = start_run(tmp_path, devices=(device,))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(stderr.strip().splitlines()) == 1, stderr
    assert device in stderr
    assert not (tmp_path / "run").exists()

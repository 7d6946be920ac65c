# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program that crashes, hangs or lies takes nothing with it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tuner.doctor.product import compile_product
from tuner.errors import DeviceLostError, MeasurementError
from tuner.measuring import (
    FunctionProgram,
    ProgramCrashedError,
    ProgramTimedOutError,
    Runner,
    Tolerance,
)
from tuner.measuring.local_process import LocalProcess
from tuner.measuring.noise import QUIET
from tuner.measuring.sampling import calibrate, paired_rounds, sample
from tuner.stopwatch import Stopwatch
from tuner.targets import Device
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.runs

DEVICE = Device("local-sync", (), "cpu", "1 thread")
TOLERANCE = (Tolerance(largest=1e-6, rms=1e-6),)


@dataclass(frozen=True)
class Scaled:
    """A program of our own making: y = factor * x, slowly, or something worse."""

    factor: float = 1.0
    busy_s: float = 0.0
    ends: str = "well"
    needs: Path | None = None

    def load(self, device_uri: str) -> LoadedScaled:
        assert device_uri == DEVICE.uri
        if self.ends == "not loadable":
            raise MeasurementError("there is nothing to load")
        if self.needs is not None and not self.needs.exists():
            raise MeasurementError("what it needs is not there")
        return LoadedScaled(self)


class LoadedScaled:
    def __init__(self, source: Scaled) -> None:
        self._source = source
        self._x = self._y = np.zeros(8, dtype=np.float32)

    def fill(self, seed: int) -> None:
        self._x = np.random.default_rng(seed).random(8, dtype=np.float32)
        self._y = np.full(8, np.nan, dtype=np.float32)

    def run(self, times: int) -> None:
        match self._source.ends:
            case "segfault":
                ctypes.string_at(0)
            case "exit":
                os._exit(7)
            case "hang":
                time.sleep(60)
            case "eat memory":
                eaten = []
                while True:
                    eaten.append(np.ones(2**24))
            case "talk":
                os.write(2, b"out of order")
        for _ in range(times):
            until = time.process_time() + self._source.busy_s
            while time.process_time() < until:
                pass
            self._y = self._x * np.float32(self._source.factor)

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        self.fill(seed)
        self._x *= np.float32(1 + step / (move + 1))

    def outputs(self) -> list[np.ndarray]:
        return [self._y.copy()]


@pytest.fixture(name="runner")
def make_runner() -> Iterator[Runner]:
    with Runner(DEVICE) as runner:
        yield runner


def test_equal_programs_agree_and_others_do_not(runner: Runner) -> None:
    runner.load("reference", Scaled())
    runner.load("same", Scaled())
    runner.load("wrong", Scaled(factor=1.5))
    runner.reference("reference", 1, timeout_s=10)
    assert runner.check("same", 1, TOLERANCE, timeout_s=10)[0].passed
    assert not runner.check("wrong", 1, TOLERANCE, timeout_s=10)[0].passed


def test_a_program_that_writes_nothing_is_caught_by_the_poison(runner: Runner) -> None:
    runner.load("reference", Scaled())
    runner.load("idle", Scaled(factor=float("nan")))
    runner.reference("reference", 1, timeout_s=10)
    assert not runner.check("idle", 1, TOLERANCE, timeout_s=10)[0].passed


@pytest.mark.parametrize(("ends", "says"), [("segfault", "SIGSEGV"), ("exit", "exit code 7")])
def test_a_crash_is_named_and_survived(runner: Runner, ends: str, says: str) -> None:
    runner.load("bad", Scaled(ends=ends))
    with pytest.raises(ProgramCrashedError, match=says):
        runner.time("bad", 1, timeout_s=30)
    assert runner.generation == 1
    runner.load("good", Scaled())
    assert runner.time("good", 1, timeout_s=10) >= 0


@pytest.mark.measures
def test_a_hang_is_killed_in_time(runner: Runner) -> None:
    runner.load("bad", Scaled(ends="hang"))
    started = time.perf_counter()
    with pytest.raises(ProgramTimedOutError, match=r"within 0\.5 s"):
        runner.time("bad", 1, timeout_s=0.5)
    assert time.perf_counter() - started < 5


def test_a_program_that_cannot_be_loaded_says_why(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="nothing to load"):
        runner.load("bad", Scaled(ends="not loadable"))
    garbage = tmp_path / "garbage.vmfb"
    garbage.write_bytes(b"no program")
    with pytest.raises(MeasurementError, match=r"garbage\.vmfb cannot be loaded"):
        runner.load("bad", FunctionProgram(garbage, "main"))


def test_no_process_is_left_behind() -> None:
    process = LocalProcess(DEVICE)
    with Runner(DEVICE, transport=process) as runner:
        runner.load("good", Scaled())
        child = process.pid
        assert child is not None
    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_process_that_began_early_serves_and_counts_its_time() -> None:
    watch = Stopwatch()
    process = LocalProcess(DEVICE, watch=watch)
    with Runner(DEVICE, transport=process) as runner:
        runner.begin()
        child = process.pid
        runner.load("busy", Scaled(busy_s=0.2))
        assert process.pid == child is not None
        runner.time("busy", 1, timeout_s=10)
        wall = watch.read()
    assert wall.measuring_s >= 0.2
    assert wall.starting_s > 0
    assert wall.measuring_s + wall.starting_s <= wall.total_s


def test_a_process_that_is_killed_while_it_starts_is_replaced() -> None:
    process = LocalProcess(DEVICE)
    with Runner(DEVICE, transport=process) as runner:
        runner.begin()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        runner.load("good", Scaled())
        assert runner.time("good", 1, timeout_s=10) >= 0


@pytest.mark.measures
def test_short_programs_are_run_many_times_per_sample(runner: Runner) -> None:
    runner.load("short", Scaled(busy_s=0.0005))
    assert 5 <= calibrate(runner, "short", timeout_s=10) <= 40
    runner.load("long", Scaled(busy_s=0.05))
    assert calibrate(runner, "long", timeout_s=10) == 1


@pytest.mark.measures
def test_a_slow_candidate_is_dropped_after_two_runs(runner: Runner) -> None:
    runner.load("slow", Scaled(busy_s=0.03))
    assert len(sample(runner, "slow", first_s=0.03, timeout_s=10, give_up_above_s=0.01)) == 1
    assert 3 <= len(sample(runner, "slow", first_s=0.03, timeout_s=10, give_up_above_s=1.0)) <= 4


@pytest.mark.measures
def test_a_candidate_that_is_clearly_slower_gets_the_fewest_samples(runner: Runner) -> None:
    runner.load("short", Scaled(busy_s=0.0005))
    many = sample(runner, "short", first_s=0.0, timeout_s=10, give_up_above_s=1.0, few_above_s=1.0)
    few = sample(runner, "short", first_s=0.0, timeout_s=10, give_up_above_s=1.0, few_above_s=0.0001)
    assert len(few) == QUIET.min_samples < len(many)


@pytest.mark.measures
def test_one_slow_run_alone_drops_nothing(runner: Runner) -> None:
    runner.load("short", Scaled(busy_s=0.001))
    assert len(sample(runner, "short", first_s=5.0, timeout_s=10, give_up_above_s=0.1)) >= 3


@pytest.mark.measures
def test_paired_rounds_find_the_ratio(runner: Runner) -> None:
    runner.load("a", Scaled(busy_s=0.02))
    runner.load("b", Scaled(busy_s=0.01))
    paired = paired_rounds(runner, "a", "b", rng=np.random.default_rng(0), decided=lambda _: True, timeout_s=10)
    assert len(paired.baseline_s) == len(paired.candidate_s) == 20
    assert np.median(paired.baseline_s) / np.median(paired.candidate_s) == pytest.approx(2.0, rel=0.1)


def test_renewed_programs_are_the_same_programs(runner: Runner) -> None:
    runner.load("a", Scaled())
    runner.load("b", Scaled(factor=1.5))
    runner.reference("a", 1, timeout_s=10)
    assert runner.renew() >= 0
    assert runner.generation == 0
    assert runner.check("a", 1, TOLERANCE, timeout_s=10)[0].passed
    assert not runner.check("b", 1, TOLERANCE, timeout_s=10)[0].passed
    runner.unload("b")
    runner.renew()
    with pytest.raises(MeasurementError, match="nothing is loaded as 'b'"):
        runner.time("b", 1, timeout_s=10)


def test_a_program_that_eats_memory_is_an_end_of_its_own(tmp_path: Path) -> None:
    device = Device("local-sync", (), "cpu", "1 thread", in_host_memory=True)
    with Runner(device, log=tmp_path / "log", memory_limit_bytes=3 * 2**30) as runner:
        runner.load("greedy", Scaled(ends="eat memory"))
        with pytest.raises(MeasurementError, match="more memory than it may have"):
            runner.time("greedy", 1, timeout_s=60)
        runner.load("good", Scaled())
        assert runner.time("good", 1, timeout_s=10) >= 0


def test_what_a_program_says_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Runner(DEVICE, log=tmp_path / "log") as runner:
        runner.load("chatty", Scaled(ends="talk"))
        runner.time("chatty", 1, timeout_s=10)
    assert "out of order" in (tmp_path / "log").read_text()
    assert capfd.readouterr().err == ""


def test_a_device_is_lost_only_where_what_ran_runs_no_longer(runner: Runner, tmp_path: Path) -> None:
    runner.check_device()
    fragile = tmp_path / "there"
    fragile.touch()
    runner.load("reference", Scaled(needs=fragile))
    runner.reference("reference", 1, timeout_s=10)
    runner.check_device()
    fragile.unlink()
    with pytest.raises(DeviceLostError, match=r"the device local-sync is lost.*not there"):
        runner.check_device()


def test_a_machine_without_room_for_a_process_says_so(runner: Runner) -> None:
    lowest, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken, hard))
    try:
        runner.begin()
        with pytest.raises(MeasurementError, match=r"the measuring process cannot be started \(Too many open files\)"):
            runner.load("good", Scaled())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        os.close(taken)
    runner.load("good", Scaled())
    assert runner.time("good", 1, timeout_s=10) >= 0


def test_a_function_with_arguments_shows_that_the_device_is_there(runner: Runner, tmp_path: Path) -> None:
    program = compile_product(CpuTarget().compile_flags, tmp_path)
    runner.load("plain", program)
    runner.reference("plain", 4, timeout_s=60)
    runner.check_device()
    runner.load("plain", program)
    runner.reference("plain", 4, timeout_s=60)
    (found,) = runner.sensitivity("plain", 4, 1e-6, timeout_s=60)
    assert 0 < found.rms < 1e-5 * found.size_rms
    verification, _ = runner.check("plain", 4, [Tolerance()], timeout_s=60)
    assert verification.passed


def test_moved_inputs_say_how_much_outputs_may_differ(runner: Runner) -> None:
    runner.load("reference", Scaled(factor=2.0))
    runner.reference("reference", 1, timeout_s=10)
    (found,) = runner.sensitivity("reference", 1, 0.25, timeout_s=10)
    assert found.dtype == "f32"
    assert found.largest == pytest.approx(0.25 * found.size_largest)
    assert found.rms == pytest.approx(0.25 * found.size_rms)
    # The data is the seed's again.
    assert runner.check("reference", 1, [Tolerance()], timeout_s=10)[0].passed

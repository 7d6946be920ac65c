# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads, checks and times programs, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tuner.dispatch import Arithmetic
from tuner.errors import DeviceLostError, MeasurementError
from tuner.measuring.calls import (
    Check,
    Fill,
    FindRaces,
    Load,
    OpenDevice,
    Reference,
    Renew,
    Repeat,
    Sense,
    Time,
    Unload,
)
from tuner.measuring.correctness import Sensitivity, Tolerance, Verification, step_of
from tuner.measuring.local_process import LocalProcess
from tuner.measuring.programs import ProgramSource
from tuner.measuring.racecheck import RaceCheck
from tuner.measuring.repeating import Repeated
from tuner.measuring.served import MOVES_OF_FEW
from tuner.measuring.transport import ATTEMPTS, Transport
from tuner.stopwatch import Stopwatch
from tuner.targets import Device

_START_TIMEOUT_S = 60.0
# Seconds beyond its own limit that a search for data races may take to end.
_ENDED_S = 30.0


class Runner:
    """Loads, checks and times programs in a process of their own. Use it as a context manager.

    After ProgramCrashedError or ProgramTimedOutError a fresh process serves the next call, with nothing loaded.
    """

    def __init__(
        self,
        device: Device,
        *,
        transport: Transport | None = None,
        log: Path | None = None,
        memory_limit_bytes: int | None = None,
        watch: Stopwatch | None = None,
    ) -> None:
        """`transport` carries the calls; by default to a `LocalProcess`, which takes the other arguments."""
        self._device = device
        self._transport = transport or LocalProcess(device, log=log, memory_limit_bytes=memory_limit_bytes, watch=watch)
        # The program that ran last as a reference, with its seed and its time limit in seconds.
        self._ran: tuple[ProgramSource, int, float] | None = None
        self._sources: dict[str, ProgramSource] = {}

    @property
    def device(self) -> Device:
        """The device that programs run on."""
        return self._device

    @property
    def generation(self) -> int:
        """The number of processes that have ended, so that a caller knows when to load its programs again."""
        return self._transport.generation

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.close()

    def open_device(self) -> None:
        """Raises MeasurementError if the device cannot be opened."""
        self._transport.ask(OpenDevice(), timeout_s=_START_TIMEOUT_S)

    def begin(self) -> None:
        """Starts the process, which otherwise starts with the first call, and returns at once."""
        self._transport.start()

    def load(self, key: str, source: ProgramSource, *, timeout_s: float = 60.0) -> None:
        """Loads a program under a name."""
        self._transport.ask(Load(key, source), timeout_s=timeout_s)
        self._sources[key] = source

    def unload(self, key: str) -> None:
        """Forgets a program. Unknown names are no error."""
        self._transport.ask(Unload(key), timeout_s=60.0)
        self._sources.pop(key, None)

    def reference(self, key: str, seed: int, *, timeout_s: float) -> float:
        """Runs the program once on the seed's data and keeps its outputs to compare others with.

        Returns the run's seconds.
        """
        seconds = self._transport.ask(Reference(key, seed), timeout_s=timeout_s)
        self._ran = (self._sources[key], seed, timeout_s)
        return seconds

    def sensitivity(self, key: str, seed: int, step: float, *, timeout_s: float) -> tuple[Sensitivity, ...]:
        """What moves of its inputs by up to `step` of their values do to each output of the reference.

        `key` and `seed` are those of a `reference`; its data is as before afterwards.
        """
        return self._transport.ask(Sense(key, seed, step), timeout_s=(MOVES_OF_FEW + 1) * timeout_s)

    def tolerances(self, key: str, seed: int, arithmetic: Arithmetic, *, timeout_s: float) -> tuple[Tolerance, ...]:
        """How far each output of a correct program may be from the reference's, as `sensitivity` finds it."""
        step = step_of(arithmetic)
        moved = self.sensitivity(key, seed, step, timeout_s=timeout_s)
        return tuple(Tolerance.of(sensitivity, step) for sensitivity in moved)

    def fill(self, key: str, seed: int, *, timeout_s: float) -> None:
        """Gives the program the seed's data, which it is timed on from now on."""
        self._transport.ask(Fill(key, seed), timeout_s=timeout_s)

    def restart(self) -> None:
        """Ends the process. A fresh one serves the next call, with nothing loaded."""
        self._transport.restart()

    def interrupt(self) -> None:
        """Ends the process for good, from any thread; a call that is under way fails, and so does every later one."""
        self._transport.close(at_once=True)

    def check_device(self) -> None:
        """Runs the latest reference again, on the same data. Raises DeviceLostError if it fails in fresh processes."""
        if self._ran is None:
            return
        source, seed, timeout_s = self._ran
        failure: MeasurementError | None = None
        for _ in range(ATTEMPTS):
            self.restart()
            try:
                self.load("device check", source)
                self._transport.ask(Reference("device check", seed), timeout_s=timeout_s)
                self.unload("device check")
                return
            except MeasurementError as error:
                failure = error
        raise lost(self._device, failure) from failure

    def check(
        self, key: str, seed: int, tolerances: Sequence[Tolerance], *, timeout_s: float
    ) -> tuple[Verification, float]:
        """Runs the program once on the seed's data and compares its outputs with the reference's.

        `tolerances`: one for each output, or one for all. Returns the verification and the run's seconds (a first run:
        caches and pages are cold).
        """
        return self._transport.ask(Check(key, seed, tuple(tolerances)), timeout_s=timeout_s)

    def repeat(
        self, key: str, seed: int, runs: int, tolerances: Sequence[Tolerance], *, exactly: bool, timeout_s: float
    ) -> Repeated:
        """Runs the program `runs` times on the seed's data, and compares the outputs of each run.

        The first run is compared with the reference. `exactly`: the others must not differ from it in any bit;
        otherwise they may be as far from the reference as the first.
        """
        return self._transport.ask(Repeat(key, seed, runs, tuple(tolerances), exactly), timeout_s=timeout_s)

    def find_races(self, *keys: str, limit_s: float) -> list[RaceCheck]:
        """What compute-sanitizer finds in one run of each program, beside the process, within `limit_s` seconds."""
        return self._transport.ask(FindRaces(keys, limit_s), timeout_s=limit_s + _ENDED_S)

    def time(self, key: str, times: int, *, timeout_s: float) -> float:
        """Seconds of one run, from `times` runs in a row, by the device's clock."""
        return self._transport.ask(Time(key, times), timeout_s=timeout_s)

    def time_guarded(self, key: str, times: int, *, timeout_s: float) -> float:
        """As `time`, of a dispatch in the host's memory, with guard pages around its operands."""
        return self._transport.ask(Time(key, times, is_guarded=True), timeout_s=timeout_s)

    def renew(self, *, timeout_s: float = 60.0) -> float:
        """Loads every program anew, so that code and data lie elsewhere in memory. Returns the seconds that it took.

        Where they lie changes a dispatch's time by several percent for as long as the program stays loaded (measured:
        5 to 6 % between loads of a 512x512x512 product, 1 % between samples of one load). Programs that are compared
        share a place, and only several places tell them apart.
        """
        return self._transport.ask(Renew(), timeout_s=timeout_s)


def lost(device: Device, failure: MeasurementError | None) -> DeviceLostError:
    """The error for a device on which nothing runs any more."""
    return DeviceLostError(
        f"the device {device.name} is lost: a program that ran on it before failed in {ATTEMPTS} fresh processes"
        f" ({failure}); see to the device and start again, a run with --run-dir and --resume"
    )

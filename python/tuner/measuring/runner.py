# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A process that runs programs for us, so that one which crashes or hangs takes nothing with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from tuner.errors import MeasurementError
from tuner.measuring.correctness import Tolerance, Verification, compare
from tuner.measuring.dispatch_data import Array
from tuner.measuring.programs import LoadedProgram, ProgramSource
from tuner.targets import Device

_START_TIMEOUT_S = 60.0


class ProgramCrashedError(MeasurementError):
    """The runner's process died while it ran a program."""


class ProgramTimedOutError(MeasurementError):
    """A program did not end in time; its process was killed."""


class Runner:
    """Loads, checks and times programs in a child process. Use it as a context manager.

    After ProgramCrashedError or ProgramTimedOutError a fresh process serves the next call, with nothing loaded.
    `generation` counts the processes that ended, so that a caller knows when to load its programs again.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._process: Any = None
        self._connection: Connection | None = None
        self.generation = 0

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_process()

    def load(self, key: str, source: ProgramSource, *, timeout_s: float = 60.0) -> None:
        """Loads a program under a name."""
        self._call("load", key, source, timeout_s=timeout_s)

    def unload(self, key: str) -> None:
        """Forgets a program. Unknown names are no error."""
        self._call("unload", key, timeout_s=60.0)

    def reference(self, key: str, seed: int, *, timeout_s: float) -> float:
        """Runs the program once on the seed's data and keeps its outputs to compare others with.

        Returns the run's seconds.
        """
        return float(self._call("reference", key, seed, timeout_s=timeout_s))

    def check(
        self, key: str, seed: int, tolerance: Tolerance | None, *, timeout_s: float
    ) -> tuple[Verification, float]:
        """Runs the program once on the seed's data and compares its outputs with the reference's.

        Returns the verification and the run's seconds (a first run: caches and pages are cold). Without a
        tolerance, a whole model's is derived from the reference.
        """
        verification, seconds = self._call("check", key, seed, tolerance, timeout_s=timeout_s)
        return verification, float(seconds)

    def time(self, key: str, times: int, *, timeout_s: float) -> float:
        """Seconds of one run, from `times` runs in a row, by the device's clock."""
        return float(self._call("time", key, times, timeout_s=timeout_s))

    def _call(self, method: str, *arguments: Any, timeout_s: float) -> Any:
        connection = self._connection or self._start_process()
        try:
            connection.send((method, arguments))
            if not connection.poll(timeout_s):
                self._end_process()
                raise ProgramTimedOutError(f"it did not end within {timeout_s:.1f} s")
            succeeded, value = connection.recv()
        except (EOFError, ConnectionError) as error:
            exit_code = self._end_process()
            raise ProgramCrashedError(f"its process died ({_describe_exit(exit_code)})") from error
        if not succeeded:
            raise MeasurementError(str(value))
        return value

    def _start_process(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._device), daemon=True)
        self._process.start()
        theirs.close()
        if not ours.poll(_START_TIMEOUT_S):
            self._end_process()
            raise MeasurementError("the measuring process did not start")
        try:
            ours.recv()
        except EOFError as error:
            exit_code = self._end_process()
            raise MeasurementError(f"the measuring process died at its start ({_describe_exit(exit_code)})") from error
        self._connection = ours
        return ours

    def _end_process(self) -> int | None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is None:
            return None
        self._process.join(0.2)
        self._process.kill()
        self._process.join()
        exit_code: int | None = self._process.exitcode
        self._process = None
        self.generation += 1
        return exit_code


def _describe_exit(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


class _Server:
    """The child's side: what each call does."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._clock: Callable[[], float] = time.process_time if device.clock == "cpu" else time.perf_counter
        self._programs: dict[str, LoadedProgram] = {}
        self._references: dict[int, list[Array]] = {}

    def load(self, key: str, source: ProgramSource) -> None:
        self._programs[key] = source.load(self._device.uri)

    def unload(self, key: str) -> None:
        self._programs.pop(key, None)

    def reference(self, key: str, seed: int) -> float:
        self._references[seed], seconds = self._outputs(key, seed)
        return seconds

    def check(self, key: str, seed: int, tolerance: Tolerance | None) -> tuple[Verification, float]:
        reference = self._references[seed]
        if tolerance is None:
            tolerance = Tolerance.of_model(reference)
        outputs, seconds = self._outputs(key, seed)
        return compare(reference, outputs, tolerance), seconds

    def time(self, key: str, times: int) -> float:
        program = self._programs[key]
        started = self._clock()
        program.run(times)
        return (self._clock() - started) / times

    def _outputs(self, key: str, seed: int) -> tuple[list[Array], float]:
        program = self._programs[key]
        program.fill(seed)
        started = self._clock()
        program.run(1)
        seconds = self._clock() - started
        return program.outputs(), seconds


def _serve(connection: Connection, device: Device) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if device.runtime_flags:
        from iree.runtime import flags

        flags.parse_flags(*device.runtime_flags)
    server = _Server(device)
    # Where the parent is gone (interrupted, say), nobody is left to answer to.
    with contextlib.suppress(EOFError, ConnectionError):
        connection.send("ready")
        while True:
            method, arguments = connection.recv()
            try:
                answer = (True, getattr(server, method)(*arguments))
            except (MeasurementError, RuntimeError, ValueError, MemoryError) as error:
                answer = (False, str(error).splitlines()[0] if str(error) else repr(error))
            connection.send(answer)

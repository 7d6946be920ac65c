# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A process that runs programs for us, so that one which crashes or hangs takes nothing with it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from tuner.dispatch import Arithmetic
from tuner.errors import DeviceLostError, MeasurementError
from tuner.measuring.correctness import Sensitivity, Tolerance, Verification, compare, sensitivity_of, step_of
from tuner.measuring.dispatch_data import Array
from tuner.measuring.programs import GuardableProgram, LoadedProgram, MovableProgram, ProgramSource
from tuner.processes import deaf_to_interrupts, ended_from_outside
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Device

_START_TIMEOUT_S = 60.0
# A process can be killed from outside; a device that fails so many fresh processes is taken for lost.
ATTEMPTS = 3
# The process's name, as `top` shows it (15 characters at most).
PROCESS_NAME = "iree-tuner-run"
# The name of a thread that outlives the runners which it calls begins so: their processes may end with it.
LASTING_THREAD = "iree-tuner-station"
_ANY_SEED = 1
# Outputs of fewer elements are seen under several moves: one may leave a single number where it was, by chance.
_FEW_ELEMENTS, _MOVES_OF_FEW = 256, 4
# Source: prctl(2).
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
# Source: mallopt(3). The parameter's number, and a size below that of any buffer whose place matters.
_M_MMAP_THRESHOLD, _MAPPED_BYTES = -3, 2**16


class ProgramCrashedError(MeasurementError):
    """The runner's process died while it ran a program."""


class ProgramKilledError(ProgramCrashedError):
    """Somebody else ended the runner's process, or the kernel did when memory was short."""


class ProgramTimedOutError(MeasurementError):
    """A program did not end in time; its process was killed."""


class Runner:
    """Loads, checks and times programs in a child process. Use it as a context manager.

    After ProgramCrashedError or ProgramTimedOutError a fresh process serves the next call, with nothing loaded.
    `generation` counts the processes that ended, so that a caller knows when to load its programs again.
    """

    def __init__(
        self,
        device: Device,
        *,
        log: Path | None = None,
        memory_limit_bytes: int | None = None,
        watch: Stopwatch | None = None,
    ) -> None:
        """`log`: a file for what programs write to stderr. `memory_limit_bytes`: address space of the process, for
        devices in host memory (default: the machine's memory). `watch` counts the time."""
        self._device = device
        self._log = log
        self._memory_limit_bytes = memory_limit_bytes
        self._watch = watch or Stopwatch()
        self._process: Any = None
        self._connection: Connection | None = None
        self._has_started = False
        # What ran last as a reference, with its seed and its time limit.
        self._ran: tuple[ProgramSource, int, float] | None = None
        self._sources: dict[str, ProgramSource] = {}
        self._interrupted = False
        self.generation = 0

    @property
    def device(self) -> Device:
        """The device that programs run on."""
        return self._device

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_process()

    def open_device(self) -> None:
        """Raises MeasurementError where the device cannot be had."""
        self.ask("open_device", timeout_s=_START_TIMEOUT_S)

    def begin(self) -> None:
        """Starts the process, which else starts with the first call, and returns at once."""
        # If it cannot be started now, the first call tries again and says why.
        with contextlib.suppress(MeasurementError):
            if self._connection is None:
                self._spawn()

    def load(self, key: str, source: ProgramSource, *, timeout_s: float = 60.0) -> None:
        """Loads a program under a name."""
        self.ask("load", key, source, timeout_s=timeout_s)
        self._sources[key] = source

    def unload(self, key: str) -> None:
        """Forgets a program. Unknown names are no error."""
        self.ask("unload", key, timeout_s=60.0)
        self._sources.pop(key, None)

    def reference(self, key: str, seed: int, *, timeout_s: float) -> float:
        """Runs the program once on the seed's data and keeps its outputs to compare others with.

        Returns the run's seconds.
        """
        seconds = float(self.ask("reference", key, seed, timeout_s=timeout_s))
        self._ran = (self._sources[key], seed, timeout_s)
        return seconds

    def sensitivity(self, key: str, seed: int, step: float, *, timeout_s: float) -> tuple[Sensitivity, ...]:
        """What moves of its inputs by up to `step` of their values do to each output of the reference.

        `key` and `seed` are those of a `reference`; its data is as before afterwards.
        """
        return tuple(self.ask("sensitivity", key, seed, step, timeout_s=(_MOVES_OF_FEW + 1) * timeout_s))

    def tolerances(self, key: str, seed: int, arithmetic: Arithmetic, *, timeout_s: float) -> tuple[Tolerance, ...]:
        """How far each output of a correct program may be from the reference's, as `sensitivity` finds it."""
        step = step_of(arithmetic)
        return tuple(Tolerance.of(each, step) for each in self.sensitivity(key, seed, step, timeout_s=timeout_s))

    def fill(self, key: str, seed: int, *, timeout_s: float) -> None:
        """Gives the program the seed's data, which it is timed on from now on."""
        self.ask("fill", key, seed, timeout_s=timeout_s)

    def restart(self) -> None:
        """Ends the process. A fresh one serves the next call, with nothing loaded."""
        self._end_process()

    def interrupt(self) -> None:
        """Ends the process for good, from any thread; a call that is under way fails, and so does every later one."""
        self._interrupted = True
        with contextlib.suppress(AttributeError, ValueError):
            self._process.kill()

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
                self.ask("reference", "device check", seed, timeout_s=timeout_s)
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
        verification, seconds = self.ask("check", key, seed, tuple(tolerances), timeout_s=timeout_s)
        return verification, float(seconds)

    def time(self, key: str, times: int, *, timeout_s: float) -> float:
        """Seconds of one run, from `times` runs in a row, by the device's clock."""
        return float(self.ask("time", key, times, timeout_s=timeout_s))

    def time_guarded(self, key: str, times: int, *, timeout_s: float) -> float:
        """As `time`, of a dispatch in the host's memory, with guard pages around its operands."""
        return float(self.ask("time_guarded", key, times, timeout_s=timeout_s))

    def renew(self, *, timeout_s: float = 60.0) -> float:
        """Loads every program anew, so that code and data lie elsewhere in memory. Returns the seconds that it took.

        Where they lie changes a kernel's time by several percent and stays as it is while a program is loaded
        (measured: 5 to 6 % between loads of a 512x512x512 product, 1 % between samples of one load). Programs that
        are compared share a place, and only several places tell them apart.
        """
        return float(self.ask("renew", timeout_s=timeout_s))

    def ask(self, method: str, *arguments: Any, timeout_s: float) -> Any:
        """Has the process do one thing of `_Server`: what all the other methods come down to."""
        if self._interrupted:
            raise MeasurementError("the run is ending")
        connection = self._connection if self._has_started and self._connection else self._start_process()
        try:
            with self._watch.of(Part.MEASURING):
                connection.send((method, arguments))
                if not connection.poll(timeout_s):
                    self._end_process()
                    raise ProgramTimedOutError(f"it did not end within {timeout_s:.1f} s")
                succeeded, value = connection.recv()
        except (EOFError, ConnectionError) as error:
            exit_code = self._end_process()
            kind = ProgramKilledError if ended_from_outside(exit_code) else ProgramCrashedError
            raise kind(f"its process died ({_describe_exit(exit_code)})") from error
        if not succeeded:
            raise MeasurementError(str(value))
        return value

    def _start_process(self) -> Connection:
        """Waits for the process that was begun, or for another: each can be killed from outside."""
        exit_code: int | None = None
        with self._watch.of(Part.STARTING):
            for _ in range(ATTEMPTS):
                ours = self._connection or self._spawn()
                if not ours.poll(_START_TIMEOUT_S):
                    self._end_process()
                    raise MeasurementError("the measuring process did not start")
                try:
                    ours.recv()
                except (EOFError, ConnectionError):
                    exit_code = self._end_process()
                else:
                    self._has_started = True
                    return ours
        raise MeasurementError(f"the measuring process died at its start ({_describe_exit(exit_code)})")

    def _spawn(self) -> Connection:
        """Starts a process and returns at once. Raises MeasurementError if the machine has no room for one."""
        context = multiprocessing.get_context("spawn")
        # The kernel tells of the end of the thread that started a process; the main thread ends with the parent.
        thread = threading.current_thread()
        dies_with_parent = thread is threading.main_thread() or thread.name.startswith(LASTING_THREAD)
        try:
            ours, theirs = context.Pipe()
            arguments = (theirs, self._device, self._log, self._memory_limit_bytes, dies_with_parent)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            with deaf_to_interrupts():
                process.start()
        except OSError as error:
            raise MeasurementError(f"the measuring process cannot be started ({error.strerror})") from error
        self._process = process
        if self._interrupted:
            process.kill()
        self._connection = ours
        theirs.close()
        return ours

    def _end_process(self) -> int | None:
        self._has_started = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is None:
            return None
        self._process.join(0.2)
        self._process.kill()
        self._process.join()
        exit_code: int | None = self._process.exitcode
        self._process.close()
        self._process = None
        self._sources.clear()
        self.generation += 1
        return exit_code


def lost(device: Device, failure: MeasurementError | None) -> DeviceLostError:
    """The sentence about a device on which nothing runs any more."""
    return DeviceLostError(
        f"the device {device.name} is lost: a program that ran on it before failed in {ATTEMPTS} fresh processes"
        f" ({failure}); see to the device and start again, a run with --run-dir and --resume"
    )


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
        self._sources: dict[str, ProgramSource] = {}
        self._cold: set[str] = set()
        self._references: dict[int, list[Array]] = {}

    def open_device(self) -> None:
        import iree.runtime as runtime

        runtime.get_device(self._device.uri)

    def load(self, key: str, source: ProgramSource) -> None:
        self._programs[key] = source.load(self._device.uri)
        self._sources[key] = source

    def unload(self, key: str) -> None:
        self._programs.pop(key, None)
        self._sources.pop(key, None)

    def renew(self) -> float:
        started = time.perf_counter()
        self._programs.clear()
        for key, source in self._sources.items():
            self._programs[key] = source.load(self._device.uri)
        for program in self._programs.values():
            program.fill(_ANY_SEED)
        self._cold = set(self._programs)
        return time.perf_counter() - started

    def reference(self, key: str, seed: int) -> float:
        self._references[seed], seconds = self._outputs(key, seed)
        return seconds

    def check(self, key: str, seed: int, tolerances: tuple[Tolerance, ...]) -> tuple[Verification, float]:
        outputs, seconds = self._outputs(key, seed)
        return compare(self._references[seed], outputs, tolerances), seconds

    def fill(self, key: str, seed: int) -> None:
        self._program(key).fill(seed)

    def sensitivity(self, key: str, seed: int, step: float) -> tuple[Sensitivity, ...]:
        program, reference = self._program(key), self._references[seed]
        outputs = []
        if step > 0.0 and isinstance(program, MovableProgram):
            few = any(array.size < _FEW_ELEMENTS for array in reference)
            for move in range(_MOVES_OF_FEW if few else 1):
                program.fill_moved(seed, step, move)
                program.run(1)
                outputs.append(program.outputs())
        program.fill(seed)
        return sensitivity_of(reference, outputs)

    def time(self, key: str, times: int) -> float:
        program = self._program(key)
        if key in self._cold:
            self._cold.remove(key)
            if times > 1:
                program.run(1)
        started = self._clock()
        program.run(times)
        return (self._clock() - started) / times

    def time_guarded(self, key: str, times: int) -> float:
        program = self._program(key)
        if not isinstance(program, GuardableProgram):
            raise MeasurementError(f"the data of '{key}' cannot be put between guard pages")
        with program.guarded():
            return self.time(key, times)

    def _program(self, key: str) -> LoadedProgram:
        if key not in self._programs:
            raise MeasurementError(f"nothing is loaded as '{key}'; the process that held it has died")
        return self._programs[key]

    def _outputs(self, key: str, seed: int) -> tuple[list[Array], float]:
        program = self._program(key)
        program.fill(seed)
        started = self._clock()
        program.run(1)
        seconds = self._clock() - started
        return program.outputs(), seconds


def _serve(
    connection: Connection, device: Device, log: Path | None, memory_limit_bytes: int | None, dies_with_parent: bool
) -> None:
    _prepare_process(device, log, memory_limit_bytes, dies_with_parent)
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
            except MemoryError as error:
                answer = (False, f"it needs more memory than it may have ({error or 'no more of it'})")
            except (MeasurementError, RuntimeError, ValueError, OSError) as error:
                answer = (False, str(error).splitlines()[0] if str(error) else repr(error))
            connection.send(answer)


def _prepare_process(device: Device, log: Path | None, memory_limit_bytes: int | None, dies_with_parent: bool) -> None:
    """Bounds what a program can do to the machine: it dies with its parent, and first where memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if device.processors:
        os.sched_setaffinity(0, device.processors)
    libc = ctypes.CDLL(None)
    if dies_with_parent:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, PROCESS_NAME.encode())
    # Every buffer gets pages of its own from the kernel; else a renewed one would lie where the old one lay.
    libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if device.in_host_memory:
        limit = memory_limit_bytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if log is not None:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)

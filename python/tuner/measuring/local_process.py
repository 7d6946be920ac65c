# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A child process that runs programs, so that one which crashes or hangs takes nothing with it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar, cast

from tuner.errors import MeasurementError
from tuner.foreign import reason_of
from tuner.measuring.calls import Call
from tuner.measuring.served import ServedPrograms
from tuner.measuring.transport import ATTEMPTS, ProgramCrashedError, ProgramKilledError, ProgramTimedOutError
from tuner.processes import ended_from_outside, interrupts_blocked
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Device

T = TypeVar("T")

_START_TIMEOUT_S = 60.0
# The process's name, as `top` shows it (15 characters at most).
PROCESS_NAME = "iree-tuner-run"
# Prefix of the names of threads that outlive the processes they start: these may then end with their thread.
LASTING_THREAD = "iree-tuner-station"
# Source: prctl(2).
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
# Source: mallopt(3). The parameter's number, and a size in bytes below that of any buffer whose place matters.
_M_MMAP_THRESHOLD, _MAPPED_BYTES = -3, 2**16


class LocalProcess:
    """A transport to a child process of this one."""

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
        self._is_closed = False
        self._generation = 0

    @property
    def generation(self) -> int:
        """See `Transport`."""
        return self._generation

    @property
    def pid(self) -> int | None:
        """The process's id, None if there is no process."""
        return None if self._process is None else cast(int, self._process.pid)

    def start(self) -> None:
        # If it cannot be started now, the first call tries again and reports the reason.
        with contextlib.suppress(MeasurementError):
            if self._connection is None:
                self._spawn()

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        if self._is_closed:
            raise MeasurementError("the run is ending")
        connection = self._connection if self._has_started and self._connection else self._started()
        try:
            with self._watch.of(Part.MEASURING):
                connection.send(call)
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
        return cast(T, value)

    def restart(self) -> None:
        self._end_process()

    def close(self, *, at_once: bool = False) -> None:
        self._is_closed = True
        if not at_once:
            self._end_process()
            return
        with contextlib.suppress(AttributeError, ValueError):
            self._process.kill()

    def _started(self) -> Connection:
        """Waits for the process that was started, or for another: each can be killed from outside."""
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
        # The Linux kernel reports the end of the thread that started a process; the main thread ends with the parent.
        thread = threading.current_thread()
        dies_with_parent = thread is threading.main_thread() or thread.name.startswith(LASTING_THREAD)
        try:
            ours, theirs = context.Pipe()
            arguments = (theirs, self._device, self._log, self._memory_limit_bytes, dies_with_parent)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            with interrupts_blocked():
                process.start()
        except OSError as error:
            raise MeasurementError(f"the measuring process cannot be started ({error.strerror})") from error
        self._process = process
        if self._is_closed:
            process.kill()
        self._connection = ours
        theirs.close()
        return ours

    def _end_process(self) -> int | None:
        """Ends the process and returns its exit code, None if there was no process."""
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
        self._generation += 1
        return exit_code


def _describe_exit(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


def _serve(
    connection: Connection, device: Device, log: Path | None, memory_limit_bytes: int | None, dies_with_parent: bool
) -> None:
    _prepare_process(device, log, memory_limit_bytes, dies_with_parent)
    if device.runtime_flags:
        from iree.runtime import flags

        flags.parse_flags(*device.runtime_flags)
    programs = ServedPrograms(device)
    # If the parent is gone (interrupted, for example), nobody waits for an answer.
    with contextlib.suppress(EOFError, ConnectionError):
        connection.send("ready")
        while True:
            call: Call[Any] = connection.recv()
            try:
                answer = (True, call.on(programs))
            except MemoryError as error:
                answer = (False, f"it needs more memory than it may have ({error or 'no more of it'})")
            except (MeasurementError, RuntimeError, ValueError, OSError) as error:
                answer = (False, reason_of(error))
            connection.send(answer)


def _prepare_process(device: Device, log: Path | None, memory_limit_bytes: int | None, dies_with_parent: bool) -> None:
    """Bounds what a program can do to the machine: it dies with its parent, and first if memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if device.processors:
        os.sched_setaffinity(0, device.processors)
    libc = ctypes.CDLL(None)
    if dies_with_parent:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, PROCESS_NAME.encode())
    # Every buffer gets pages of its own from the Linux kernel; otherwise a renewed one would lie where the old one lay.
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

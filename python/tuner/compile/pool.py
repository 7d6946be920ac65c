# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles candidates in a pool of worker processes that may crash, hang or take all memory.

A worker keeps IREE's compiler loaded, applies a configuration in memory and compiles from there: several times as
many candidates a second as with one `iree-compile` process a candidate.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from pebble import ProcessExpired, ProcessPool

from tuner.compile.session import session, translate
from tuner.dispatch import Annotations, BenchmarkProgram, Configuration
from tuner.facts import read_facts
from tuner.files import TEMPORARY
from tuner.foreign import error_line, reason_of
from tuner.outcome import Candidate, Compilation, Fate
from tuner.processes import ended_from_outside, interrupts_blocked
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Target
from tuner.toolchain.tools import check_room, end_linkers, for_linkers

# A worker is replaced after this many candidates, so that nothing it leaks can add up.
_CANDIDATES_PER_WORKER = 200
_MEMORY_LIMIT_BYTES = 6 * 2**30
_START_TIMEOUT_S = 60.0
# Seconds that workers which have started wait for the others.
_MEET_S = 10.0
# Characters of an error that are kept.
_DETAIL = 300
# Seconds between a worker's looks at whether its parent still lives.
_LOOK_EVERY_S = 1.0
_NO_FOLDER = "lost its folder of temporary files"
# Seconds until pebble's threads have noticed that their pool was stopped: they look every tenth of a second.
_NOTICED_S = 0.2
# Times that a job is tried if its worker, or its pool, is lost.
_TRIES = 4
# Seconds until a worker has taken a job, from when the job was queued. Workers take jobs in order; they start slowly.
_TAKEN_S = 300.0


class _LostError(Exception):
    """A worker was lost. `end` is its candidate's fate if no further try succeeds, `why` the cause.

    To be killed from outside is no fault of the candidate; to crash is one if it happens in a fresh process again.
    """

    def __init__(self, end: Compilation, why: str) -> None:
        super().__init__(why)
        self.end = end
        self.why = why


@dataclass(frozen=True, slots=True)
class CompileJob:
    """One candidate to compile: the program, whose op `identity` gets the configuration, and where to write.

    `annotations`: what a spec's entry says, which is then applied in place of the candidate's configuration.
    `facts_for`: the chip for which further tools look into the binary to learn its facts (`tuner.facts.read_facts`).
    """

    program: BenchmarkProgram
    identity: str
    candidate: Candidate
    target: Target
    binary: Path
    log: Path
    annotations: Annotations | None = None
    facts_for: str = ""

    @property
    def choice(self) -> Configuration | Annotations | None:
        """What is applied; None for the compiler's default."""
        return self.annotations or self.candidate.configuration


class _Workers:
    """What pebble starts processes by (its `MultiprocessingContext`): a spawn context that remembers the processes.

    A pool ends its own workers alone: the same process may have other pools.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._started: list[SpawnProcess] = []

    def Process(self, **arguments: Any) -> SpawnProcess:  # noqa: N802
        """A process that is not started yet."""
        process = self._context.Process(**arguments)
        self._started.append(process)
        return process

    def Pipe(self, duplex: bool = True) -> tuple[Any, Any]:  # noqa: N802
        """As of `multiprocessing`."""
        return self._context.Pipe(duplex)

    def RLock(self) -> Any:  # noqa: N802
        """As of `multiprocessing`."""
        return self._context.RLock()

    def get_start_method(self) -> str:
        """As of `multiprocessing`."""
        return self._context.get_start_method()

    def kill(self) -> None:
        """Kills every process that runs, and waits until it has ended."""
        for process in list(self._started):
            if process.is_alive():
                process.kill()
                process.join()


class CompilePool:
    """Worker processes that compile. Use it as a context manager: leaving it ends every worker."""

    def __init__(
        self,
        workers: int,
        timeout_s: float,
        watch: Stopwatch | None = None,
        temporary: Path | None = None,
        taken_timeout_s: float = _TAKEN_S,
    ) -> None:
        """`timeout_s`: seconds that one candidate may take before its worker is killed. `watch` counts the time.

        `temporary`: where a folder of the workers' is made, which goes with the pool (the system's place by default).
        `taken_timeout_s`: seconds after which a job that no worker took is lost, and compiled by new workers.
        """
        self._watch = watch or Stopwatch()
        self._workers = workers
        self._timeout_s = timeout_s
        self._taken_timeout_s = taken_timeout_s
        # A worker that is killed leaves the files that it was linking.
        self._temporary = tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=temporary and for_linkers(temporary))
        self._processes, self._pool = self._start()
        self._starting: list[Any] = []
        self._flags: tuple[str, ...] | None = None

    def _start(self) -> tuple[_Workers, ProcessPool]:
        processes = _Workers()
        return processes, ProcessPool(
            max_workers=self._workers,
            max_tasks=_CANDIDATES_PER_WORKER,
            initializer=_start_worker,
            initargs=[self._temporary.name, os.getpid()],
            context=processes,
        )

    def __enter__(self) -> CompilePool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # In reverse order. One that fails does not keep the others from their end.
        with contextlib.ExitStack() as ends:
            ends.callback(self._temporary.cleanup)
            ends.callback(end_linkers, self._temporary.name)
            ends.callback(self._close if kind is None else self._stop)

    def _close(self) -> None:
        """Ends the pool when its workers are idle."""
        self._pool.close()
        self._pool.join()

    def _stop(self) -> None:
        """Ends the pool at once.

        Its workers are killed before it is joined: joining removes semaphores, and a worker that was just starting
        would print a traceback because it does not find them. A pool can start one more until it notices its end.
        """
        self._pool.stop()
        self._processes.kill()
        time.sleep(_NOTICED_S)
        self._processes.kill()
        self._pool.join()

    def begin(self) -> None:
        """Starts the workers, which otherwise start with the first jobs, and returns at once."""
        self._have_temporary()
        meeting = Path(tempfile.mkdtemp(dir=self._temporary.name))
        # The first of these starts the workers, and the threads that replace them later.
        with interrupts_blocked():
            self._starting = [
                self._pool.schedule(_meet, args=[meeting, self._workers], timeout=_START_TIMEOUT_S)
                for _ in range(self._workers)
            ]

    def wait(self) -> None:
        """Waits until the workers of `begin` are there, so that nothing starts beside a measurement."""
        with self._watch.of(Part.STARTING):
            for meeting in self._starting:
                # Whatever went wrong there happens to the jobs too, and they report it.
                with contextlib.suppress(FutureTimeoutError, ProcessExpired, BrokenProcessPool, FileNotFoundError):
                    meeting.result()
            self._starting.clear()

    def compile(self, jobs: Sequence[CompileJob]) -> list[Compilation]:
        """The end of each job, in order. Blocks until all have ended: nothing compiles after it returns.

        Raises OSError if the disk is full, for then it was not the candidates that failed.
        """
        asked = time.time()
        by_number: dict[int, Compilation] = {}
        for flags in dict.fromkeys(job.program.flags for job in jobs):
            self._have_workers_for(flags)
            numbers = [number for number, job in enumerate(jobs) if job.program.flags == flags]
            by_number.update(zip(numbers, self._compile([jobs[number] for number in numbers]), strict=True))
        ends = [by_number[number] for number in range(len(jobs))]
        for job, end in zip(jobs, ends, strict=True):
            if end.fate is Fate.COMPILE_FAILED:
                # Without a working folder, which this raises OSError for too, no worker starts.
                Path.cwd()
                check_room(job.binary.parent)
        spans = [(end.started, end.started + end.seconds) for end in ends if end.started is not None]
        for started, ended in spans:
            self._watch.add(Part.COMPILING, started, ended)
        # Until the first job starts, workers start and import the compiler.
        self._watch.add(Part.STARTING, asked, min((started for started, _ in spans), default=asked))
        return ends

    def _have_workers_for(self, flags: tuple[str, ...]) -> None:
        """Starts new workers if the present ones are for models of other flags."""
        if self._flags not in (None, flags):
            self._renew()
        self._flags = flags

    def _renew(self) -> None:
        """Replaces every worker by a fresh one, and waits until they are there."""
        self._stop()
        self._processes, self._pool = self._start()
        self.begin()
        self.wait()

    def _have_temporary(self) -> None:
        """Makes the workers' folder anew if somebody removed it: without it their compilers crash."""
        Path(self._temporary.name).mkdir(exist_ok=True)

    def _compile(self, jobs: Sequence[CompileJob]) -> list[Compilation]:
        ends: dict[int, Compilation] = {}
        lost: dict[int, _LostError] = {}
        for _ in range(_TRIES):
            self._have_temporary()
            left = [index for index in range(len(jobs)) if index not in ends]
            if not left:
                break
            try:
                new = self._try({index: jobs[index] for index in left}, ends, lost)
            except BrokenProcessPool:
                # A worker that dies between two jobs takes pebble's whole pool with it.
                self._renew()
            else:
                lost |= new
                if any(not error.end.by_chance for error in new.values()):
                    self._renew()
        died = "the compiler's workers died again and again"
        for index, job in enumerate(jobs):
            if index not in ends:
                ends[index] = Compilation(job.candidate, Fate.COMPILE_FAILED, died, 0.0, job.log, by_chance=True)
            elif index in lost and ends[index].fate is Fate.COMPILED:
                ends[index] = replace(ends[index], detail=f"compiled again, for its compiler {lost[index].why}")
        return [ends[index] for index in range(len(jobs))]

    def _try(
        self, jobs: Mapping[int, CompileJob], ends: dict[int, Compilation], before: Mapping[int, _LostError]
    ) -> dict[int, _LostError]:
        """Compiles, notes in `ends` what ended, and returns what was lost. `before`: what was lost earlier."""
        lost: dict[int, _LostError] = {}
        failure: OSError | None = None
        for index, future in {index: self._schedule(job) for index, job in jobs.items()}.items():
            try:
                ends[index] = self._end(jobs[index], future)
            except _LostError as error:
                if error.end.by_chance or index not in before or before[index].end.by_chance:
                    lost[index] = error
                else:
                    ends[index] = error.end
            except OSError as error:
                failure = error
        if failure is not None:
            raise failure
        return lost

    def _schedule(self, job: CompileJob) -> Any:
        try:
            with interrupts_blocked():
                return self._pool.schedule(_compile, args=[job], timeout=self._timeout_s)
        except RuntimeError as error:
            raise BrokenProcessPool(str(error)) from error

    def _end(self, job: CompileJob, future: Any) -> Compilation:
        try:
            result: Compilation = future.result(timeout=self._taken_timeout_s + self._timeout_s)
        except FutureTimeoutError:
            if not future.done():
                # A worker that is killed while it takes a job keeps the lock on all of them, and loses its own.
                raise BrokenProcessPool("a job was lost") from None
            return Compilation(
                job.candidate,
                Fate.COMPILE_TIMED_OUT,
                f"not compiled within {self._timeout_s:.0f} s",
                self._timeout_s,
                job.log,
                started=time.time() - self._timeout_s,
            )
        except ProcessExpired as error:
            raise self._lost(job, error.exitcode) from error
        except MemoryError:
            limit = _MEMORY_LIMIT_BYTES >> 30
            needed = f"it needs more than {limit} GiB of memory"
            return Compilation(job.candidate, Fate.COMPILE_FAILED, needed, 0.0, job.log)
        if result.fate is Fate.COMPILE_FAILED and not self._has_temporary():
            raise _LostError(replace(result, by_chance=True), _NO_FOLDER)
        return result

    def _lost(self, job: CompileJob, exit_code: int) -> _LostError:
        how = f"exit code {exit_code}"
        with contextlib.suppress(ValueError):
            how = signal.Signals(-exit_code).name
        if not self._has_temporary():
            why, by_chance = _NO_FOLDER, True
        elif ended_from_outside(exit_code):
            why, by_chance = f"was killed ({how})", True
        else:
            why, by_chance = f"crashed once ({how})", False
        died = f"the compiler died (exit code {exit_code})"
        end = Compilation(job.candidate, Fate.COMPILE_FAILED, died, 0.0, job.log, by_chance=by_chance)
        return _LostError(end, why)

    def _has_temporary(self) -> bool:
        return Path(self._temporary.name).exists()


def _start_worker(temporary: str, parent: int) -> None:
    threading.Thread(target=_end_with, args=[parent, temporary], daemon=True).start()
    # The linker inherits it; `end_linkers` finds it by this value.
    os.environ["TMPDIR"] = temporary
    # Ctrl-C reaches the whole process group; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pebble's handler would wait until the compiler returns, and change the exit code.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with(parent: int, temporary: str) -> None:
    """Ends this process soon after its parent, whatever it waits for."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    end_linkers(temporary)
    os._exit(1)


def _meet(meeting: Path, workers: int) -> None:
    """Runs in a worker: imports the compiler, and waits until all workers have, so that each of them runs one meeting.

    One that was killed never comes.
    """
    for module in ("iree.compiler.api", "tuner.compile.apply"):
        importlib.import_module(module)
    (meeting / str(os.getpid())).touch()
    deadline = time.monotonic() + _MEET_S
    while len(list(meeting.iterdir())) < workers and time.monotonic() < deadline:
        time.sleep(0.01)


def _compile(job: CompileJob) -> Compilation:
    """Runs in a worker: applies the configuration, reads it back, compiles, writes the binary."""
    from iree.compiler import ir

    from tuner.compile.apply import NotAppliedError, RejectedError, apply_configuration

    program = job.program
    at, started = time.time(), time.perf_counter()

    def ended(fate: Fate, detail: str) -> Compilation:
        if fate is not Fate.COMPILED:
            session.cache_clear()
        return Compilation(job.candidate, fate, detail, time.perf_counter() - started, job.log, started=at)

    job.log.parent.mkdir(parents=True, exist_ok=True)
    job.binary.parent.mkdir(parents=True, exist_ok=True)
    with _stderr_to(job.log):
        compiler = session(program.flags)
        try:
            with compiler.context:
                module = ir.Module.parse(program.default_text if job.choice is None else program.ir_text)
                applied = apply_configuration(module, job.identity, job.choice, job.target)
            error = translate(compiler, module, job.binary)
        except RejectedError as rejected:
            job.log.write_text(f"{rejected}\n")
            return ended(Fate.COMPILE_FAILED, str(rejected))
        except ir.MLIRError as broken:
            job.log.write_text(f"{broken}\n")
            return ended(Fate.COMPILE_FAILED, f"its IR does not parse: {reason_of(broken)}")
        except NotAppliedError as not_applied:
            job.log.write_text(f"{not_applied}\n")
            return ended(Fate.NOT_APPLIED, str(not_applied))
    if error:
        detail = error_line(job.log.read_text(errors="replace"))[:_DETAIL]
        return ended(Fate.COMPILE_FAILED, detail or error)
    facts = read_facts(job.binary, job.facts_for)
    return replace(
        ended(Fate.COMPILED, ""),
        facts=facts,
        binary=job.binary,
        configured=applied.configured,
        annotations=applied.annotations,
    )


@contextlib.contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Sends what this process writes to stderr, native code included, to a file."""
    saved = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

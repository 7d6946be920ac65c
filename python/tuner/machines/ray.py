# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles and measures on the machines of a Ray cluster. The only module that knows Ray.

A candidate is compiled by a Ray task, which Ray places on a free processor and repeats elsewhere where its machine
goes. A device is a unit of a Ray resource, held by an actor that has a runner on its machine. Programs travel as bytes,
both ways: machines need not share files. The run's folder, its store, and every decision stay with the process that
leads.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

# Ray tells its makers of use unless told otherwise before it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from tuner.compile.pool import CompileJob, CompilePool
from tuner.errors import DeviceLostError, InputError, MeasurementError
from tuner.files import TEMPORARY
from tuner.foreign import reason_of
from tuner.measuring import DispatchProgram, FunctionProgram, ProgramSource, Runner
from tuner.measuring.calls import Call, Load, Unload
from tuner.measuring.local_process import LocalProcess
from tuner.measuring.preloading import Preloader
from tuner.options import Options
from tuner.outcome import Compilation, Fate
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Device, Target
from tuner.targets.host import processor_name
from tuner.toolchain.tools import compiler_version

T = TypeVar("T")

# The address that stands for a cluster of this machine alone, which ends with the run.
LOCAL = "local"
# The address that stands for a cluster that this machine is a node of.
AUTO = "auto"
_STATION_START_S = 120.0
# A call may also have to start a process on the other machine, and the program has to travel.
_TRAVEL_S = 90.0
_CONNECT_S = 10.0


@contextmanager
def cluster(options: Options, target: Target, watch: Stopwatch) -> Iterator[_Cluster]:
    """The machines of the cluster at `options.ray`, or of one that is started here. `watch` counts the time.

    Raises InputError if it cannot be reached, has no device of the target's kind that is free, or differs from this
    machine in what must be equal.
    """
    address = options.ray or LOCAL
    resource, start = _resource(target)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = _checked_address(address)
    try:
        with watch.of(Part.STARTING), _own_sigterm():
            if address == LOCAL:
                ray.init(address, num_cpus=options.compile_workers, include_dashboard=False, **start, **quiet)
            else:
                ray.init(address, **quiet)
    except (OSError, ValueError, RuntimeError, RayError) as error:
        said = reason_of(error)
        if address == LOCAL:
            raise InputError(f"Ray cannot start a cluster on this machine ({said}); run without --ray") from error
        raise InputError(
            f"no Ray cluster can be reached at {address} ({said}); check --ray, and where the cluster asks for a token"
            " set RAY_AUTH_MODE=token and have its token in ~/.ray/auth_token"
        ) from error
    try:
        found = ray.cluster_resources()
        devices = int(found.get(resource, 0))
        if not devices:
            flag = "--num-gpus 1" if resource == "GPU" else f"--resources '{{\"{resource}\": 1}}'"
            raise InputError(f"the Ray cluster at {address} has no resource {resource}; start its nodes with {flag}")
        workers = max(1, int(found.get("CPU", 0)))
        with watch.of(Part.STARTING):
            stations = _stations(target, resource, devices, watch)
        yield _Cluster(options.compile_timeout_s, target.device, workers, stations, watch)
    finally:
        ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Ray would end this process at once when SIGTERM comes; we clean up, and end Ray then."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _checked_address(address: str) -> str:
    """The address, that of this machine's cluster for `auto`.

    Raises InputError if nobody listens there: Ray itself would try for minutes.
    """
    if address == LOCAL:
        return address
    found = _of_this_machine() if address == AUTO else address
    host, _, port = found.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise InputError(f"'{found}' is no address of a Ray cluster; write HOST:PORT, or auto on one of its nodes")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        if address == AUTO:
            raise InputError(
                f"no Ray cluster can be reached at auto, which stands for {found} here ({error}); start one, or run"
                " with --ray alone for a cluster of this machine"
            ) from error
        raise InputError(f"no Ray cluster can be reached at {address} ({error}); check --ray") from error
    return found


def _of_this_machine() -> str:
    """The cluster that Ray finds: in its environment, among the processes, or in its file of the latest one."""
    try:
        # Ray's public functions connect at once. It finds none: ConnectionError.
        found = canonicalize_bootstrap_address(AUTO)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Ray cluster can be reached at auto ({reason_of(error)}); start one, or run with --ray alone for a"
            " cluster of this machine"
        ) from error
    return AUTO if found is None else str(found)


def _resource(target: Target) -> tuple[str, dict[str, Any]]:
    """The resource that stands for a device, and what a local cluster is started with to have it.

    Ray knows GPUs by itself, and shows each to one process alone.
    """
    if not target.device.in_host_memory:
        return "GPU", {}
    name = f"iree-tuner-{target.name}"
    return name, {"resources": {name: 1}}


def _stations(target: Target, resource: str, devices: int, watch: Stopwatch) -> list[Runner]:
    """An actor on each device that is free. Raises InputError if there is none, or if machines differ."""
    asked: dict[str, Any] = {"num_gpus": 1} if resource == "GPU" else {"resources": {resource: 1}}
    actors = [
        ray.remote(_Station).options(num_cpus=0, max_restarts=0, **asked).remote(target.device) for _ in range(devices)
    ]
    about = {actor.about.remote(): actor for actor in actors}
    ready, waiting = ray.wait(list(about), num_returns=devices, timeout=_STATION_START_S)
    for late in waiting:
        ray.kill(about[late])
    if not ready:
        raise InputError(f"all {devices} of {resource} in the Ray cluster are in use; try again when one is free")
    runners = []
    for answer in ready:
        try:
            there = ray.get(answer)
        except RayError as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise InputError(
                f"a machine of the Ray cluster cannot measure ({said}); install iree-tuner there"
            ) from error
        here = _About.of(target.device)
        if (there.tuner, there.compiler) != (here.tuner, here.compiler):
            raise InputError(
                f"{there.node} has iree-tuner {there.tuner} and iree-base-compiler {there.compiler}, this machine"
                f" {here.tuner} and {here.compiler}; install the same everywhere"
            )
        if there.processor != here.processor:
            raise InputError(
                f"{there.node} has another processor ({there.processor}) than this machine ({here.processor});"
                " candidates are compared on equal devices"
            )
        device = replace(target.device, machine=there.node)
        runners.append(Runner(device, transport=_RemoteProcess(about[answer], device, watch)))
    return runners


@dataclass(frozen=True, slots=True)
class _About:
    """What must be equal on all machines; `processor` is "" if it does not matter. `node` is for people."""

    node: str
    tuner: str
    compiler: str
    processor: str

    @staticmethod
    def of(device: Device) -> _About:
        context = ray.get_runtime_context()
        node = f"{ray.util.get_node_ip_address()} ({context.get_node_id()[:8]})"
        processor = processor_name() if device.in_host_memory else ""
        return _About(node, version("iree-tuner"), compiler_version(), processor)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The machines of a cluster, as `tuner.machines.local.Machines` has them."""

    compile_timeout_s: float
    device: Device
    workers: int
    stations: Sequence[Runner]
    watch: Stopwatch

    @property
    def device_names(self) -> tuple[str, ...]:
        return tuple(station.device.name for station in self.stations)

    def compilers(self, folder: Path) -> nullcontext[_Compilers]:
        del folder
        return nullcontext(_Compilers(self.compile_timeout_s, self.watch))

    def runners(self, log: Path) -> Sequence[Runner]:
        del log
        return self.stations

    def preloader(self) -> Preloader:
        return Preloader(self.device, 0)


class _Compilers:
    """Compiles each job in a task of its own; the binaries land where the jobs say, on this machine."""

    def __init__(self, timeout_s: float, watch: Stopwatch) -> None:
        self._timeout_s = timeout_s
        self._watch = watch
        self._task = ray.remote(num_cpus=1)(_compile)

    def compile(self, jobs: Sequence[CompileJob]) -> list[Compilation]:
        with self._watch.of(Part.COMPILING):
            tasks = [self._task.remote(job, self._timeout_s) for job in jobs]
            return [self._end(job, task) for job, task in zip(jobs, tasks, strict=True)]

    def begin(self) -> None:
        """Ray starts its workers when there are tasks."""

    def wait(self) -> None:
        """There is nothing to wait for."""

    def _end(self, job: CompileJob, task: Any) -> Compilation:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.binary.parent.mkdir(parents=True, exist_ok=True)
        try:
            ended: Compilation
            ended, binary, log = ray.get(task)
        except RayTaskError:
            raise
        except RayError as error:
            said = reason_of(error)
            job.log.write_text(f"{error}\n")
            return Compilation(
                job.candidate,
                Fate.COMPILE_FAILED,
                f"the machine that compiled it was lost, again and again: {said}",
                0.0,
                job.log,
                by_chance=True,
            )
        job.log.write_bytes(log)
        if binary is not None:
            job.binary.write_bytes(binary)
        return replace(ended, log=job.log, binary=None if binary is None else job.binary)


def _compile(job: CompileJob, timeout_s: float) -> tuple[Compilation, bytes | None, bytes]:
    """A task: what a local worker does, in a process of that kind, for it may crash, hang or eat memory here too."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=_session_folder()) as folder:
        binary, log = Path(folder) / "candidate.vmfb", Path(folder) / "candidate.log"
        (ended,) = _local_pool(timeout_s).compile([replace(job, binary=binary, log=log)])
        content = ended.binary.read_bytes() if ended.binary is not None else None
        return ended, content, log.read_bytes() if log.exists() else b""


@functools.cache
def _local_pool(timeout_s: float) -> CompilePool:
    """Kept while Ray keeps the process that tasks run in."""
    return CompilePool(1, timeout_s, temporary=_session_folder())


def _session_folder() -> Path:
    """Ray's folder of this session on this machine: Ray kills its processes, which then leave what they have there."""
    context = ray.get_runtime_context()
    return Path(context.get_temp_dir(), context.get_session_name())


class _Station:
    """An actor: a process on its machine's device, for the machine that leads."""

    def __init__(self, device: Device) -> None:
        self._process = LocalProcess(device)
        self._device = device
        self._files: dict[str, int] = {}

    def about(self) -> _About:
        return _About.of(self._device)

    def call(self, call: Call[Any], binary: bytes | None, timeout_s: float) -> tuple[Any, MeasurementError | None, int]:
        """The result of a call or its failure, and the process's generation. `binary`: the program of a `Load`."""
        try:
            if isinstance(call, Load) and binary is not None:
                call = Load(call.key, self._with_file(call, binary))
            if isinstance(call, Unload):
                self._forget(call.key)
            answer, failure = self._process.ask(call, timeout_s=timeout_s), None
        except MeasurementError as error:
            answer, failure = None, error
        return answer, failure, self._process.generation

    def restart(self) -> int:
        self._process.restart()
        return self._process.generation

    def _with_file(self, call: Load, binary: bytes) -> ProgramSource:
        return replace(cast(DispatchProgram | FunctionProgram, call.source), binary=self._file(call.key, binary))

    def _file(self, key: str, binary: bytes) -> Path:
        """A file in memory: nothing is left of it when this process ends, in whatever way."""
        self._forget(key)
        self._files[key] = os.memfd_create(key)
        with os.fdopen(os.dup(self._files[key]), "wb") as file:
            file.write(binary)
        return Path(f"/proc/{os.getpid()}/fd/{self._files[key]}")

    def _forget(self, key: str) -> None:
        if key in self._files:
            os.close(self._files.pop(key))


class _RemoteProcess:
    """A transport to a process on another machine. If that machine goes, its device is lost."""

    def __init__(self, actor: Any, device: Device, watch: Stopwatch) -> None:
        self._actor = actor
        self._device = device
        self._watch = watch
        self._generation = 0

    @property
    def generation(self) -> int:
        return self._generation

    def start(self) -> None:
        """The process starts with the first call."""

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        binary = _bytes_of(call.source) if isinstance(call, Load) else None
        with self._watch.of(Part.MEASURING):
            asked = self._actor.call.remote(call, binary, timeout_s)
            answer, failure, self._generation = self._get(asked, timeout_s + _TRAVEL_S)
        if failure is not None:
            raise failure
        return cast(T, answer)

    def restart(self) -> None:
        self._generation = self._get(self._actor.restart.remote(), _TRAVEL_S)

    def close(self, *, at_once: bool = False) -> None:
        del at_once
        # The process ends with the actor; so does the hold on the device.
        ray.kill(self._actor)

    def _get(self, answer: Any, timeout_s: float) -> Any:
        try:
            return ray.get(answer, timeout=timeout_s)
        except RayTaskError:
            raise
        except RayError as error:
            why = "it does not answer" if isinstance(error, GetTimeoutError) else "its machine or its process is gone"
            raise DeviceLostError(
                f"the device {self._device.name} is lost: {why}; what was measured so far is kept in the run's folder"
            ) from error


def _bytes_of(source: ProgramSource) -> bytes:
    if not isinstance(source, DispatchProgram | FunctionProgram):
        raise TypeError(f"{type(source).__name__} cannot travel: it has no binary")
    try:
        return source.binary.read_bytes()
    except OSError as error:
        raise MeasurementError(f"{source.binary} cannot be read: {error.strerror}") from error

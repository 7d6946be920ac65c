# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a run compiles and measures: on this machine, or on several (`tuner.machines.ray`)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tuner.compile.pool import CompileJob, CompilePool
from tuner.errors import InputError
from tuner.measuring import Runner
from tuner.measuring.preloading import Preloader
from tuner.measuring.presence import check_present
from tuner.options import Options
from tuner.outcome import Compilation
from tuner.stopwatch import Stopwatch
from tuner.targets import Target


class Compilers(Protocol):
    """What compiles candidates."""

    def compile(self, jobs: Sequence[CompileJob]) -> list[Compilation]:
        """The end of each job, in order. Blocks until all have ended: nothing compiles after it returns."""

    def begin(self) -> None:
        """Starts what compiles, which else starts with the first jobs, and returns at once."""

    def wait(self) -> None:
        """Waits for what `begin` started, so that nothing starts beside a measurement."""


class Machines(Protocol):
    """What a run compiles and measures with."""

    @property
    def workers(self) -> int:
        """How many candidates compile at a time."""

    @property
    def device_names(self) -> tuple[str, ...]:
        """The devices to measure on, for people."""

    def compilers(self, folder: Path) -> AbstractContextManager[Compilers]:
        """What compiles; leaving the context ends it. `folder`: where temporary files may go."""

    def runners(self, log: Path) -> Sequence[Runner]:
        """One for each device. `log`: a file for what programs write to stderr here."""

    def preloader(self) -> Preloader:
        """What loads programs beforehand, where that pays."""


@dataclass(frozen=True, slots=True)
class _ThisMachine:
    options: Options
    target: Target
    watch: Stopwatch

    @property
    def workers(self) -> int:
        return self.options.compile_workers

    @property
    def device_names(self) -> tuple[str, ...]:
        return tuple(device.name for device in self.target.devices)

    def compilers(self, folder: Path) -> CompilePool:
        return CompilePool(self.workers, self.options.compile_timeout_s, self.watch, folder)

    def runners(self, log: Path) -> list[Runner]:
        return [Runner(device, log=log, watch=self.watch) for device in self.target.devices]

    def preloader(self) -> Preloader:
        return Preloader(self.target.device, self.workers, self.watch)


def machines_of(options: Options, target: Target, watch: Stopwatch) -> AbstractContextManager[Machines]:
    """Those that the options ask for, devices present; `watch` counts their time. Raises InputError."""
    if options.ray is None:
        for device in target.devices:
            check_present(device)
        return nullcontext(_ThisMachine(options, target, watch))
    if options.devices:
        raise InputError("with --ray the cluster says which devices there are; leave out --device")
    try:
        from tuner.machines.ray import cluster
    except ImportError as error:
        raise InputError(
            "--ray needs Ray, which is not installed; install it by pip install 'iree-tuner[ray]'"
        ) from error
    return cluster(options, target, watch)

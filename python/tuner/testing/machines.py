# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machines that compile and measure nothing: candidates end as a recording says.

with workbench(tmp_path / "run", ReplayMachines.of(MadeUp()), trials=20) as bench:
    dispatches = [replayed_dispatch(problem("contraction", ...), "mine")]
    results = tune_dispatches(bench, dispatches, Limits(64, 1), bench.budget)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from tuner.compile.pool import CompileJob
from tuner.dispatch import Annotations, Arithmetic, BenchmarkProgram, Configuration, Configured, Dispatch, Problem
from tuner.errors import InputError
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Devices
from tuner.events import Listener, nobody
from tuner.knowledge.ranking import Knowledge
from tuner.measuring import DispatchProgram, Runner
from tuner.measuring.halving import never
from tuner.measuring.preloading import Preloader
from tuner.measuring.programs import ProgramSource
from tuner.options import Options, SpaceOption, StrategyOption
from tuner.outcome import Compilation, Fate
from tuner.runs.folder import RunFolder
from tuner.runs.store import Store
from tuner.stopwatch import Stopwatch
from tuner.targets import Device, DeviceFacts, Limits, Target
from tuner.testing.recording import Recording
from tuner.testing.replay import DEVICE, Behaviour, Clock, Replay
from tuner.tuning.experience import Experience
from tuner.tuning.stopping import Stop
from tuner.tuning.workbench import Workbench, batch_size

# A recording's candidates are right or not by themselves: nothing depends on data.
_EXACT = Arithmetic(is_exact=True)


def replayed_dispatch(problem: Problem, name: str, *, runs: int = 1) -> Dispatch:
    """A dispatch that can be searched by replay; `runs`: how often a run of its model runs it."""
    program = BenchmarkProgram(name, name, "run", "set_buffer", 0, (), arithmetic=_EXACT)
    return Dispatch(name, problem, program, Configured("", ("default",)), runs=runs)


@dataclass(frozen=True, slots=True)
class ReplayTarget:
    """A target under a name that spaces serve, whose devices and attributes are nowhere."""

    name: str = "cpu"
    devices: tuple[Device, ...] = (DEVICE,)
    note: str = ""
    compile_flags: tuple[str, ...] = ("--replay",)
    reads_specs: bool = True
    strategy_pass: str = "replay"
    machine_code_for: str = ""

    @property
    def device(self) -> Device:
        return self.devices[0]

    def spec_flags(self, spec: Path) -> tuple[str, ...]:
        return (f"--replay={spec}",)

    def for_plain_compilation(self) -> ReplayTarget:
        return self

    def by_device_clock(self) -> ReplayTarget:
        raise InputError("a replay's device has no clock")

    def facts(self, executable_target: Any) -> DeviceFacts:
        del executable_target
        return DeviceFacts(Limits(vector_bytes=64, threads=1), DEVICE.label)

    def compilation_info(self, configuration: Configuration, context: Any) -> Any:
        raise NotImplementedError("a replay makes no attributes")

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: Any) -> Any:
        raise NotImplementedError("a replay makes no attributes")

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        del configuration
        return {}


@dataclass(frozen=True, slots=True)
class ReplayCompilers:
    """Compilers (`tuner.machines.local.Compilers`) whose binaries are the candidates' choices as JSON."""

    recording: Recording
    clock: Clock | None = None

    def compile(self, jobs: Sequence[CompileJob]) -> list[Compilation]:
        return [self._compile(job) for job in jobs]

    def begin(self) -> None:
        """Nothing starts."""

    def wait(self) -> None:
        """Nothing started."""

    def _compile(self, job: CompileJob) -> Compilation:
        choice = job.candidate.choice
        behaviour = self.recording.behaviour(job.identity, choice)
        if behaviour is None:
            return Compilation(job.candidate, Fate.COMPILE_FAILED, "the recording does not know it", 0.0, job.log)
        if self.clock is not None:
            self.clock.move(behaviour.compile_s)
        job.binary.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"dispatch": job.identity, "choice": choice}, sort_keys=True)
        job.binary.write_text(text)
        annotations = None if job.candidate.is_default else Annotations({"compilation_info": json.dumps(text)})
        configured = Configured("", (text,))
        return Compilation(
            job.candidate,
            Fate.COMPILED,
            "",
            behaviour.compile_s,
            job.log,
            job.binary,
            configured,
            annotations,
            facts=behaviour.facts,
        )


@dataclass(frozen=True, slots=True)
class ReplayMachines:
    """Machines (`tuner.machines.local.Machines`) with one or more equal devices that replay a recording.

    `replays` are the devices' transports, one each: set `is_lost` of one to take its device away. Budgets go by
    the `clock` if there is one; compilations and runs move it. `device`: what their properties are, as whether programs
    may race there.
    """

    recording: Recording
    replays: tuple[Replay, ...]
    workers: int = 1
    clock: Clock | None = None
    device: Device = DEVICE

    @property
    def devices(self) -> tuple[Device, ...]:
        """One for each replay."""
        if len(self.replays) == 1:
            return (self.device,)
        return tuple(replace(self.device, uri=f"{self.device.uri}://{number}") for number in range(len(self.replays)))

    @staticmethod
    def of(
        recording: Recording,
        *,
        devices: int = 1,
        noise: float = 0.0,
        seed: int = 0,
        pause_s: float = 0.0,
        clock: Clock | None = None,
        device: Device = DEVICE,
    ) -> ReplayMachines:
        """`noise`, `seed`, `pause_s` and `clock` as of `Replay`."""

        def behaviour_of(source: ProgramSource) -> Behaviour:
            binary = json.loads(cast(DispatchProgram, source).binary.read_text())
            behaviour = recording.behaviour(binary["dispatch"], binary["choice"])
            assert behaviour is not None, "a candidate without a behaviour does not compile"
            return behaviour

        made = (
            Replay(behaviour_of, noise=noise, seed=seed + number, pause_s=pause_s, clock=clock)
            for number in range(devices)
        )
        return ReplayMachines(recording, tuple(made), clock=clock, device=device)

    @property
    def device_names(self) -> tuple[str, ...]:
        return tuple(device.name for device in self.devices)

    def compilers(self, folder: Path) -> nullcontext[ReplayCompilers]:
        del folder
        return nullcontext(ReplayCompilers(self.recording, self.clock))

    def runners(self, log: Path) -> Sequence[Runner]:
        del log
        return [Runner(device, transport=replay) for device, replay in zip(self.devices, self.replays, strict=True)]

    def preloader(self) -> Preloader:
        return Preloader(self.devices[0], 0)


@contextmanager
def workbench(
    run_dir: Path,
    machines: ReplayMachines,
    *,
    target: str = "cpu",
    listen: Listener = nobody,
    budget_s: float | None = None,
    trials: int = 20,
    strategy: StrategyOption = "random",
    spaces: tuple[SpaceOption, ...] = (),
    fixes: Mapping[str, int | tuple[int, ...]] | None = None,
    seed: int = 0,
    dispatches: tuple[str, ...] = (),
    keep_flags: bool = True,
    pins: Mapping[str, str] | None = None,
    read_only: Sequence[Path] = (),
    stop: Callable[[], bool] = never,
    knowledge: Knowledge | None = None,
) -> Iterator[Workbench]:
    """What the stages of a run work with, in a new run folder; the keywords are options of a run.

    `target`: the name under which spaces and flags are registered. `read_only`: stores that are known beside the
    folder's own. `stop` is asked before each step of a search, as in `tuner.tune`. `knowledge`: by default none.
    """
    options = Options(
        trials=trials,
        strategy=strategy,
        spaces=spaces,
        fixes=fixes or {},
        seed=seed,
        dispatches=dispatches,
        budget_s=budget_s,
        keep_flags=keep_flags,
        pins=pins or {},
    )
    replayed: Target = ReplayTarget(target, devices=machines.devices)
    with (
        RunFolder.create(run_dir, run_dir.parent / "model.mlir") as folder,
        Store(folder.store, {}, "replay", read_only) as store,
        Devices(machines.runners(folder.path / "measuring.log"), machines.preloader(), listen) as devices,
        machines.compilers(folder.path) as compilers,
    ):
        yield Workbench(
            options=options,
            target=replayed,
            folder=folder,
            devices=devices,
            compilers=compilers,
            batch=batch_size(trials, machines.workers, len(machines.devices)),
            listen=listen,
            budget=Budget(budget_s) if machines.clock is None else Budget(budget_s, machines.clock(), machines.clock),
            store=store,
            watch=Stopwatch(),
            experience=Experience.of(store, folder.began),
            knowledge=knowledge or Knowledge(),
            stop=Stop(stop, listen),
        )

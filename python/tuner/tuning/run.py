# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A tuning run: sets it up, goes through its stages, and delivers what they found."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tuner.dispatches.opening import OpenedModel, open_model
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Devices
from tuner.events import Disturbance, Event, Listener, Note, RunStarted, StageStarted
from tuner.knowledge.ranking import Knowledge
from tuner.machines.local import Machines, machines_of
from tuner.measuring.halving import never
from tuner.options import Options
from tuner.runs.folder import RunFolder
from tuner.runs.record import asked_of
from tuner.runs.shared import check_stores, read_only_stores, written_store
from tuner.runs.store import Store, check_store
from tuner.specs.allocator import AllocatorChoice
from tuner.specs.circumstances import circumstances_of
from tuner.specs.deliver import check_places
from tuner.specs.read import ReadSpec
from tuner.stopwatch import Part, Stopwatch
from tuner.toolchain.tools import compiler_version
from tuner.tuning.experience import Experience
from tuner.tuning.fixes import check_fixes
from tuner.tuning.flag_plan import check_pins
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.reserve import beginning
from tuner.tuning.result import TuneResult
from tuner.tuning.road import delivered, through
from tuner.tuning.stages import STAGES, Known, Stage
from tuner.tuning.starters import read_starters, starters_of
from tuner.tuning.stopping import Stop
from tuner.tuning.whole_model import prepare_model
from tuner.tuning.workbench import Workbench, batch_size

# Dialects whose ops are read in every model, in the order in which they are met.
_DIALECTS = ("hal", "arith", "util")


def tune_model(
    path: Path,
    options: Options,
    listen: Listener,
    stages: Sequence[Stage] = STAGES,
    watch: Stopwatch | None = None,
    stop: Callable[[], bool] = never,
) -> TuneResult:
    """Tunes every tunable dispatch of a model and proves the spec on the whole of it.

    `watch` counts where the time goes since it was made; by default from now on. `stop` is asked before each step of a
    search: once it returns true, nothing further is searched.
    Raises InputError for unusable input, ToolError if IREE's own default fails.
    """
    watch = watch or Stopwatch()
    start_s = watch.age_s
    opened = open_model(path, options, watch)
    check_pins(opened.target.name, options)
    check_places(path, options)
    check_stores(options)
    specs = read_starters(options.start_from)
    knowledge = Knowledge.of(options.records)
    with (
        machines_of(options, opened.target, watch) as machines,
        RunFolder.create(options.run_dir, path, asked_of(path, options), resume=options.resume) as folder,
    ):
        with _set_up(
            opened, specs, knowledge, folder, machines, listen, start_s, Stop(stop, listen), len(stages)
        ) as found:
            bench, known = found
            known = through(stages, bench, known, machines.device_names)
        return delivered(bench, known, machines.device_names)


@contextlib.contextmanager
def _set_up(
    opened: OpenedModel,
    specs: Sequence[ReadSpec],
    knowledge: Knowledge,
    folder: RunFolder,
    machines: Machines,
    listen: Listener,
    start_s: float,
    stop: Stop,
    stages: int,
) -> Iterator[tuple[Workbench, Known]]:
    """Starts what a run works with, and reads the model meanwhile.

    `specs`: those to start from. `knowledge`: of other machines. `start_s`: the seconds before `tune_model`. `stages`:
    the number of those that follow.
    """
    options, target, watch = opened.options, opened.target, opened.model.watch
    budget = Budget(options.budget_s, time.monotonic() - watch.age_s)
    if not options.store:
        check_store(folder.store)
    listen(RunStarted(folder.path))
    listen(StageStarted(1, stages + 1, "read the model"))
    runners = machines.runners(folder.path / "measuring.log")
    with (
        ThreadPoolExecutor(1) as thread,
        Devices(runners, machines.preloader(), partial(_log, folder, listen)) as devices,
        machines.compilers(folder.path) as compilers,
    ):
        # Processes start and modules are imported while the compiler reads the model.
        devices.begin()
        compilers.begin()
        imported = thread.submit(_import_ahead, options, watch)
        model, extracted = opened.read(folder.path, listen)
        check_fixes(extracted.dispatches, target, extracted.limits, options, listen)
        starters = starters_of(specs, model, target, extracted.dispatches, folder.path, listen, plain=options.plain)
        shared = circumstances_of(options, target, extracted, model.flags).shared
        written = written_store(options, folder)
        with Store(written, shared, compiler_version(), read_only_stores(options, written)) as store:
            if budget.is_limited:
                # The model's costs decide how the budget is divided: nothing starts while they are measured.
                compilers.wait()
                devices.wait()
            prepare = partial(
                prepare_model, model, extracted, options.function, folder, allocator=options.first_allocator
            )
            plain = devices.on_one(lambda: prepare(devices.runner, only_late=not target.reads_specs))
            budget, short = beginning(budget, plain.costs, start_s)
            compilers.wait()
            devices.wait()
            imported.result()
            for note in filter(None, (*plain.notes, short)):
                listen(Note(note))
            bench = Workbench(
                options=options,
                target=target,
                folder=folder,
                devices=devices,
                compilers=compilers,
                batch=batch_size(options.trials, machines.workers, len(runners)),
                listen=listen,
                budget=budget,
                store=store,
                watch=watch,
                experience=Experience.of(store, folder.began),
                knowledge=knowledge,
                starters=starters,
                stop=stop,
            )
            allocator = AllocatorChoice(options.first_allocator)
            yield bench, Known(plain, extracted, FlagChoice({}, ()), allocator=allocator, untuned=extracted.dispatches)


def _log(folder: RunFolder, listen: Listener, event: Event) -> None:
    """Keeps what disturbs a measurement in the run's log, beside the candidates that it may concern."""
    if isinstance(event, Disturbance):
        folder.append(event.to_json())
    listen(event)


def _import_ahead(options: Options, watch: Stopwatch) -> None:
    """Imports what takes long and is needed when the compiler has read the model."""
    with watch.of(Part.STARTING):
        for dialect in _DIALECTS:
            importlib.import_module(f"iree.compiler.dialects.{dialect}")
        _ = options.strategy_kind

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole road: model, flags, dispatches, search and verdicts, spec, proof."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tuner import plugins
from tuner.dispatches.extract import extract
from tuner.errors import TunerError
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Stations
from tuner.events import Disturbance, Event, Listener, Note, PhaseStarted
from tuner.machines.local import Machines, machines_of
from tuner.model.model import Model
from tuner.options import Options
from tuner.runs.folder import RunFolder
from tuner.runs.record import asked_of
from tuner.runs.store import Store, check_store
from tuner.specs.certificate import circumstances
from tuner.specs.deliver import check_places, compile_command
from tuner.specs.write import late_path
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.toolchain.tools import compiler_version
from tuner.tuning.experience import Experience
from tuner.tuning.flag_search import FlagChoice, check_pins
from tuner.tuning.prove import unproved, write_unproved
from tuner.tuning.reserve import beginning
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import STAGES, Known, Stage, circumstances_of
from tuner.tuning.whole_model import prepare_model
from tuner.tuning.workbench import Workbench, batch_size

# Those whose ops are read in every model, in the order in which they are met.
_DIALECTS = ("hal", "arith", "util")


def tune_model(
    path: Path,
    options: Options,
    listen: Listener,
    stages: Sequence[Stage] = STAGES,
    watch: Stopwatch | None = None,
) -> TuneResult:
    """Tunes every tunable dispatch of a model and proves the spec on the whole of it.

    `watch` counts where the time goes, from when it was made; from now on where none is given.
    Raises InputError for unusable input, ToolError where IREE's own default fails.
    """
    watch = watch or Stopwatch()
    start_s = watch.age_s
    budget = Budget(options.budget_s, time.monotonic() - start_s)
    target = choose_target(options.target, options.threads, options.devices)
    plugins.check("tuner.strategies", options.strategy)
    check_pins(target.name, options)
    opened = Model.open(path, (*target.compile_flags, *options.flags), watch)
    check_places(path, options)
    if options.store is not None:
        check_store(options.store)
    with (
        machines_of(options, target, watch) as machines,
        RunFolder.create(options.run_dir, path, asked_of(path, options), resume=options.resume) as folder,
    ):
        return _tune(opened, target, options, folder, listen, stages, machines, budget, start_s, watch)


def _tune(
    opened: Model,
    target: Target,
    options: Options,
    folder: RunFolder,
    listen: Listener,
    stages: Sequence[Stage],
    machines: Machines,
    budget: Budget,
    start_s: float,
    watch: Stopwatch,
) -> TuneResult:
    if options.store is None:
        check_store(folder.store)
    listen(Note(f"This run's folder: {folder.path}"))
    if target.note:
        listen(Note(target.note))

    def hear(event: Event) -> None:
        if isinstance(event, Disturbance):
            folder.append(event.to_json())
        listen(event)

    runners = machines.runners(folder.path / "measuring.log")
    batch = batch_size(options.trials, machines.workers, len(runners))
    with (
        ThreadPoolExecutor(1) as thread,
        Stations(runners, machines.preloader(), hear) as stations,
        machines.compilers(folder.path) as compilers,
    ):
        # Processes start and modules are imported while the compiler reads the model.
        stations.begin()
        compilers.begin()
        imported = thread.submit(_import_ahead, options.strategy, watch)
        listen(PhaseStarted(f"reading {opened.source}"))
        model = opened.imported(options.shapes, folder.path)
        extracted = extract(model, target, folder.path)
        shared = circumstances(
            options.target,
            extracted.device_description,
            extracted.features,
            target.device.uri,
            options.threads,
            model.flags,
        ).shared
        with Store(options.store or folder.store, shared, compiler_version()) as store:
            if budget.is_limited:
                # What the model takes says how the budget is divided: nothing starts beside it.
                compilers.wait()
                stations.wait()
            prepare = partial(prepare_model, model, extracted, options.function, folder)
            plain = stations.on_one(lambda: prepare(stations.runner, only_late=not target.reads_specs))
            budget, short = beginning(budget, plain.costs, start_s)
            compilers.wait()
            stations.wait()
            imported.result()
            bench = Workbench(
                options,
                target,
                folder,
                stations,
                compilers,
                batch,
                listen,
                budget,
                store,
                watch,
                Experience.of(store, folder.began),
            )
            for note in filter(None, (*plain.notes, short)):
                listen(Note(note))
            known = Known(plain, extracted, FlagChoice({}, ()))
            try:
                for stage in stages:
                    known = stations.on_one(partial(stage, bench, known))
            except BaseException:
                # Nothing that fails here hides why the run ends.
                with contextlib.suppress(OSError, TunerError):
                    _keep_unproved(bench, known)
                raise

    proof = known.proof or unproved(known.plain, known.results)
    if not proof.flags_hold:
        known = replace(known, flags=FlagChoice({}, ()))
    result = TuneResult(
        function=plain.program.function,
        spec=proof.spec,
        late_spec=proof.late_spec,
        flags=known.flags.flags,
        dispatches=proof.dispatches,
        model=proof.model,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=", ".join([*machines.device_names, target.device.label]),
        compile_command=compile_command(
            known.model,
            options.output or folder.spec,
            has_late=bool(proof.late_spec),
            reads_specs=target.reads_specs,
            target=options.target,
            shapes=options.shapes,
            flags=(*options.flags, *known.flags.flags),
        ),
        circumstances=circumstances_of(bench, known),
        wall_time=watch.read(),
    )
    result.keep(options.output)
    for old in (folder.unproved, late_path(folder.unproved)):
        old.unlink(missing_ok=True)
    return result


def _keep_unproved(bench: Workbench, known: Known) -> None:
    """Writes what has won so far, and says how to get at it: the run ends before it could prove it."""
    folder = bench.folder
    results = tuple(bench.finished.values()) or known.results
    files = write_unproved(
        known.model, known.flags.flags, bench.target, folder, results, circumstances_of(bench, known)
    )
    if files:
        winners = sum(1 for result in results if result.winner is not None)
        named = " ".join(map(str, files))
        bench.listen(
            Note(
                f"{winners} verified winners so far, which the whole model was not run with: {named}. Judge them by"
                f" iree-tune check, or go on with the same command and --run-dir {folder.path} --resume"
            )
        )


def _import_ahead(strategy: str, watch: Stopwatch) -> None:
    """Imports what takes long and is needed when the compiler has read the model."""
    with watch.of(Part.STARTING):
        for dialect in _DIALECTS:
            importlib.import_module(f"iree.compiler.dialects.{dialect}")
        plugins.load("tuner.strategies", strategy)

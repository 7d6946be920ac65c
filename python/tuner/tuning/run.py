# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A tuning run: sets it up, goes through its stages, and writes down what they found."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import TunerError
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Devices
from tuner.events import Disturbance, Event, Listener, Note, PhaseStarted, RunStarted, StageStarted
from tuner.machines.local import Machines, machines_of
from tuner.measuring.halving import never
from tuner.options import Options
from tuner.rates.peaks import PEAKS_FILE, Peaks, find_peaks, read_peaks
from tuner.runs.folder import RUNS, RunFolder
from tuner.runs.record import asked_of
from tuner.runs.shared import check_stores, read_only_stores, written_store
from tuner.runs.store import Store, check_store
from tuner.specs.allocator import AllocatorChoice
from tuner.specs.circumstances import circumstances_of
from tuner.specs.deliver import check_places, compile_command
from tuner.specs.preprocessing import naming, preprocessing_path, text_in
from tuner.specs.read import ReadSpec
from tuner.specs.write import late_path
from tuner.stopwatch import Part, Stopwatch
from tuner.targets import Target
from tuner.targets.host import processor_name
from tuner.toolchain.tools import compiler_version
from tuner.tuning.experience import Experience
from tuner.tuning.flag_plan import check_pins
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.printed import SAME_BINARY, check_command
from tuner.tuning.prove import unproved, write_unproved
from tuner.tuning.reserve import beginning
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import STAGES, Known, Stage
from tuner.tuning.starters import read_starters, starters_of
from tuner.tuning.stopping import Stop
from tuner.tuning.whole_model import prepare_model
from tuner.tuning.workbench import Workbench, batch_size

# Dialects whose ops are read in every model, in the order in which they are met.
_DIALECTS = ("hal", "arith", "util")
# Seconds that a command may take beside compiling: a busy machine needs some to start Python.
_STARTING_S = 30.0


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
    specs = read_starters(options.start_from, opened.target)
    with (
        machines_of(options, opened.target, watch) as machines,
        RunFolder.create(options.run_dir, path, asked_of(path, options), resume=options.resume) as folder,
    ):
        with _set_up(opened, specs, folder, machines, listen, start_s, Stop(stop, listen), len(stages)) as found:
            bench, known = found
            known = _through(stages, bench, known, machines.device_names)
        return _delivered(bench, known, machines.device_names)


@contextlib.contextmanager
def _set_up(
    opened: OpenedModel,
    specs: Sequence[ReadSpec],
    folder: RunFolder,
    machines: Machines,
    listen: Listener,
    start_s: float,
    stop: Stop,
    stages: int,
) -> Iterator[tuple[Workbench, Known]]:
    """Starts what a run works with, and reads the model meanwhile.

    `specs`: those to start from. `start_s`: the seconds before `tune_model`. `stages`: the number of those that follow.
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
        starters = starters_of(specs, model, target, extracted.dispatches, folder.path, listen)
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


def _through(stages: Sequence[Stage], bench: Workbench, known: Known, device_names: Sequence[str]) -> Known:
    """What is known after the last stage. If one fails, what was found so far is written down, proved or not."""
    try:
        # Reading the model was the first stage.
        for number, stage in enumerate(stages, start=2):
            name = getattr(stage, "__name__", "another stage").replace("_", " ")
            bench.listen(StageStarted(number, len(stages) + 1, name))
            known = bench.devices.on_one(partial(stage, bench, known))
    except BaseException:
        # A failure to write them must not hide why the run ends.
        with contextlib.suppress(OSError, TunerError):
            if known.proof is None:
                _keep_unproved(bench, known)
            else:
                _keep(_result(bench, known, device_names), bench)
        raise
    return known


def _delivered(bench: Workbench, known: Known, device_names: Sequence[str]) -> TuneResult:
    """The result of the run, written into its folder and to where the user wants the spec."""
    result = _shown(_result(bench, known, device_names), bench, known)
    _keep(result, bench)
    return result


def _keep(result: TuneResult, bench: Workbench) -> None:
    """Writes the result, and removes winners that an earlier attempt could not prove."""
    folder = bench.folder
    result.keep(bench.options.output)
    for old in (folder.unproved, late_path(folder.unproved), preprocessing_path(folder.unproved)):
        old.unlink(missing_ok=True)


def _result(bench: Workbench, known: Known, device_names: Sequence[str]) -> TuneResult:
    options, target, folder = bench.options, bench.target, bench.folder
    proof = known.proof or unproved(known.plain, known.results)
    if not proof.flags_hold:
        known = replace(known, flags=FlagChoice({}, ()), ops=None)
    spec = options.output or folder.spec
    return TuneResult(
        function=known.plain.program.function,
        spec=proof.spec,
        late_spec=proof.late_spec,
        preprocessing=text_in(known.flags.flags),
        flags=naming(known.flags.flags, preprocessing_path(spec)),
        ops=() if known.ops is None else tuple(choice.label for choice in known.ops.choices),
        dispatches=proof.dispatches,
        model=proof.model,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=", ".join([*device_names, target.device.label]),
        compile_command=compile_command(
            known.model,
            spec,
            replace(options, flags=(*options.flags, *known.flags.flags)),
            has_late=bool(proof.late_spec),
            reads_specs=target.reads_specs,
        ),
        circumstances=known.circumstances(bench),
        allocator=known.allocator,
        wall_time=bench.watch.read(),
        late_gain=proof.late_gain,
        gains=known.gains,
        breakdown=known.breakdown,
        peaks=_peaks_of(options, target),
    )


def _peaks_of(options: Options, target: Target) -> Peaks | None:
    """What was measured of this machine's CPU, if the run was on it."""
    if options.ray is not None or not target.device.in_host_memory:
        return None
    return find_peaks(read_peaks(RUNS / PEAKS_FILE), processor_name(), target.device.uri, options.threads)


def _shown(result: TuneResult, bench: Workbench, known: Known) -> TuneResult:
    """The result, and whether its command is enough by itself, if there is something to use and time to find out."""
    options, costs = bench.options, known.plain.costs
    if result.model is None or bench.budget.left_s < costs.command_s or bench.stop():
        return result
    if options.output is not None:
        result.save(options.output)
    bench.listen(PhaseStarted("the command that uses the result, as it is printed"))
    timeout_s = known.plain.model.timeout_s + _STARTING_S
    device = bench.target.device
    with bench.watch.of(Part.COMPILING):
        try:
            shown = check_command(result.compile_command, result.binary, known.plain, device, timeout_s, bench.budget)
        except TunerError as error:
            shown = f"it is not enough: {error}"
    if shown != SAME_BINARY:
        bench.listen(Note(f"The command that uses the result was run as it is printed: {shown}"))
    return replace(result, command_shown=shown, wall_time=bench.watch.read())


def _keep_unproved(bench: Workbench, known: Known) -> None:
    """Writes the winners of a run that ends before its proof, and reports how to use them."""
    folder = bench.folder
    results = tuple(bench.finished.values()) or known.results
    shared = known.circumstances(bench)
    files = write_unproved(known.model, known.flags.flags, bench.target, folder, results, shared)
    if files:
        winners = sum(1 for result in results if result.winner is not None)
        named = " ".join(map(str, files))
        bench.listen(
            Note(
                f"{winners} verified winner{'s' * (winners > 1)} so far, which the whole model was not run with:"
                f" {named}. Judge them by iree-tune check"
            )
        )


def _import_ahead(options: Options, watch: Stopwatch) -> None:
    """Imports what takes long and is needed when the compiler has read the model."""
    with watch.of(Part.STARTING):
        for dialect in _DIALECTS:
            importlib.import_module(f"iree.compiler.dialects.{dialect}")
        _ = options.strategy_kind

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The road of a run through its stages, and what it leaves, whichever way it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tuner.errors import TunerError
from tuner.events import Note, PhaseStarted, StageStarted
from tuner.knowledge.prospects import prospect
from tuner.options import Options
from tuner.rates.peaks import PEAKS_FILE, Peaks, find_peaks, read_peaks
from tuner.runs.folder import RUNS
from tuner.specs.deliver import compile_command
from tuner.specs.preprocessing import naming, preprocessing_path, text_in
from tuner.specs.write import late_path
from tuner.stopwatch import Part
from tuner.targets import Target
from tuner.targets.host import processor_name
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.printed import SAME_BINARY, check_command
from tuner.tuning.prove import unproved, write_unproved
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import Known, Stage
from tuner.tuning.workbench import Workbench

# Seconds that a command may take beside compiling: a busy machine needs some to start Python.
_STARTING_S = 30.0


def through(stages: Sequence[Stage], bench: Workbench, known: Known, device_names: Sequence[str]) -> Known:
    """What is known after the last stage. If one fails, what was found so far is written down, proved or not.

    The first stage, in which the model is read, is over.
    """
    try:
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


def delivered(bench: Workbench, known: Known, device_names: Sequence[str]) -> TuneResult:
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
            target,
            has_late=bool(proof.late_spec),
        ),
        circumstances=known.circumstances(bench),
        allocator=known.allocator,
        wall_time=bench.watch.read(),
        late_gain=proof.late_gain,
        gains=known.gains,
        breakdown=known.breakdown,
        peaks=_peaks_of(options, target),
        prospect=prospect(target.name, options.trials) if any(result.tried for result in proof.dispatches) else "",
    )


def _peaks_of(options: Options, target: Target) -> Peaks | None:
    """What was measured of this machine's CPU, if the run was on it."""
    if options.ray is not None or not target.device.in_host_memory:
        return None
    return find_peaks(read_peaks(RUNS / PEAKS_FILE), processor_name(), target.device.uri, options.threads)


def _shown(result: TuneResult, bench: Workbench, known: Known) -> TuneResult:
    """The result, and whether its command is enough by itself, if there is something to use and time to find out."""
    options, costs = bench.options, known.plain.costs
    if result.model is None or bench.budget.left_s < costs.command_s(known.flags.speedup) or bench.stop():
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
    flags = known.flags
    files = write_unproved(known.model, flags.flags, bench.target, folder, results, shared, flags.stand_ins)
    if files:
        winners = sum(1 for result in results if result.winner is not None)
        named = " ".join(map(str, files))
        bench.listen(
            Note(
                f"{winners} verified winner{'s' * (winners > 1)} so far, which the whole model was not run with:"
                f" {named}. Judge them by iree-tune check"
            )
        )

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes a bundle's results back: verdicts, certificates and a spec, as if the candidates had been measured here.

Only numbers come from the other machine. The entries of the spec are made here, from the knobs of a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner import spaces
from tuner.bundle.manifest import BundledCandidate, BundledDispatch, Manifest, read_manifest
from tuner.bundle.results import FILE, DispatchResults, Machine, Results
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration
from tuner.dispatches.extract import Extracted
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import InputError
from tuner.evaluate.final import verdict_on
from tuner.events import Listener, Note
from tuner.model.shapes import Shapes
from tuner.options import Options
from tuner.outcome import Compilation, Evaluation
from tuner.runs.folder import RunFolder
from tuner.runs.shared import written_store
from tuner.runs.store import Store, Stored, check_store, subject_of
from tuner.specs.certificate import Circumstances
from tuner.specs.circumstances import circumstances_of
from tuner.specs.deliver import check_output, check_places, compile_command
from tuner.stopwatch import Stopwatch
from tuner.targets import Target
from tuner.toolchain.tools import compiler_version
from tuner.tuning.flag_plan import is_choice
from tuner.tuning.plan import Task, plan
from tuner.tuning.prove import prove_unrun
from tuner.tuning.result import DispatchResult, TuneResult


@dataclass(frozen=True, slots=True)
class _Bundle:
    """A bundle with its results, and what checks and keeps them here."""

    path: Path
    manifest: Manifest
    results: Results
    opened: OpenedModel
    folder: RunFolder
    compilers: CompilePool
    store: Store
    listen: Listener


def take_back(path: Path, bundle: Path, options: Options, listen: Listener) -> TuneResult:
    """The result of a run whose candidates were measured elsewhere. Nothing is run here, nor the whole model there.

    Of `options` only `output`, `run_dir`, `store`, `workers`, `compile_timeout_s` and `flags` count; the others are
    those of the run that wrote the bundle. So are the flags, but one that is no choice for the target must be among
    `flags` too. Raises InputError for a bundle that is not this model's or was not measured.
    """
    watch = Stopwatch()
    manifest = read_manifest(bundle)
    results = Results.read(bundle)
    if results is None:
        raise InputError(f"{bundle} has no {FILE}; measure it (python measure.pyz) and copy that file into it")
    _check_versions(manifest, bundle)
    _check_flags(manifest, bundle, options.flags)
    options = replace(
        options,
        target=manifest.target,
        threads=manifest.threads,
        clock=manifest.device.asked_clock,
        flags=manifest.flags,
        plain=manifest.plain,
        shapes=Shapes(manifest.dims, manifest.inputs),
    )
    opened = open_model(path, options, watch)
    _check_places(path, bundle, options)
    with RunFolder.create(options.run_dir, path) as folder:
        return _taken(opened, bundle, manifest, results, folder, listen)


def _check_flags(manifest: Manifest, bundle: Path, given: Sequence[str]) -> None:
    """Raises InputError for flags that are not used on a file's word, and for given ones that the bundle lacks.

    A flag of iree-compile can name a program that it runs, so the user must give any that no choice of flags sets.
    """
    target = manifest.target.partition(":")[0]
    if unknown := [flag for flag in manifest.flags if flag not in given and not is_choice(target, flag)]:
        flags = " ".join(dict.fromkeys(unknown))
        raise InputError(
            f"{bundle} was made with {flags}, which is no choice of flags for {target} and is not used on a file's"
            f" word; if you trust it, give it after --, as in iree-tune take-back MODEL BUNDLE -- {flags}"
        )
    if other := [flag for flag in given if flag not in manifest.flags]:
        raise InputError(f"{bundle} was made without {' '.join(other)}; leave it out, or make a new bundle with it")


def _check_places(path: Path, bundle: Path, options: Options) -> None:
    """Raises InputError if an output would replace the model or a file of the bundle."""
    check_places(path, options)
    files = dict.fromkeys((file for file in bundle.rglob("*") if file.is_file()), "a file of the bundle")
    check_output(options.output, kept=files)
    for written in options.store[:1]:
        check_store(written)


def _taken(
    opened: OpenedModel, bundle: Path, manifest: Manifest, results: Results, folder: RunFolder, listen: Listener
) -> TuneResult:
    options, target, watch = opened.options, opened.target, opened.model.watch
    listen(Note(f"This run's folder: {folder.path}"))
    model, extracted = opened.read(folder.path, listen)
    there = _circumstances(manifest, results.machine, opened, extracted)
    with (
        Store(written_store(options, folder), there.shared, compiler_version()) as store,
        CompilePool(options.compile_workers, options.compile_timeout_s, watch, folder.path) as compilers,
    ):
        measured = _Bundle(bundle, manifest, results, opened, folder, compilers, store, listen)
        dispatches = _results(measured, extracted)
    proof = prove_unrun(model, target, folder, dispatches, there, listen, plain=options.plain)
    command = compile_command(
        model,
        options.output or folder.spec,
        options,
        target,
        has_late=bool(proof.late_spec),
    )
    result = TuneResult(
        function="",
        spec=proof.spec,
        late_spec=proof.late_spec,
        preprocessing="",
        ops=(),
        flags=(),
        dispatches=proof.dispatches,
        model=None,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=f"{results.machine.processor} ({there.device}, {target.device.label})",
        compile_command=command,
        circumstances=there,
        wall_time=watch.read(),
    )
    result.keep(options.output)
    return result


def _check_versions(manifest: Manifest, bundle: Path) -> None:
    if manifest.compiler_version != compiler_version():
        raise InputError(
            f"{bundle} was made with iree-compile {manifest.compiler_version}, here it is {compiler_version()}; install"
            " that one, or make and measure a new bundle"
        )


def _circumstances(manifest: Manifest, machine: Machine, opened: OpenedModel, extracted: Extracted) -> Circumstances:
    """The circumstances of the measurement. They name its processor if this machine has another."""
    here = circumstances_of(opened.options, opened.target, extracted, opened.model.flags)
    elsewhere = opened.target.device.in_host_memory and machine.processor not in here.processor
    return replace(
        here,
        processor=f"{machine.processor}, code for {here.processor}" if elsewhere else here.processor,
        device=manifest.device.device(machine.device).timed_as,
        runtime_version=machine.runtime_version,
        tuner_version=manifest.tuner_version,
    )


def _results(measured: _Bundle, extracted: Extracted) -> list[DispatchResult]:
    """A result for each dispatch of the model, in the model's order."""
    manifest, target = measured.manifest, measured.opened.target
    bundled = {dispatch.name: dispatch for dispatch in manifest.dispatches}
    # The bundle may be of some dispatches only: another one must not stand for the same problem.
    wanted = [dispatch for dispatch in extracted.dispatches if dispatch.name in {*bundled, *manifest.left}]
    planned = plan(wanted, target, replace(measured.opened.options, dispatches=()))
    tasks = {task.dispatch.name: task for task in planned.tasks}
    for name, expected in bundled.items():
        task = tasks.get(name)
        if task is None or subject_of(task.program) != expected.subject:
            raise InputError(
                f"{measured.path} was made of another model: its dispatch {name} is not this one's; check both"
            )
    found = []
    for dispatch in extracted.dispatches:
        name = dispatch.name
        if name in bundled:
            task = _in_space(tasks[name], bundled[name].space, target)
            found.append(_result(measured, task, bundled[name], measured.results.of(name)))
        else:
            reason = manifest.left.get(name, "left alone: it is not in the bundle")
            found.append(DispatchResult(dispatch, reason))
    return found


def _in_space(task: Task, name: str, target: Target) -> Task:
    """The task in the space that the bundle's candidates are from. Raises InputError if there is no such space."""
    found = spaces.find(target.name, task.problem, (name,))
    if found is None:
        raise InputError(f"the space {name} does not serve {task.problem.label}; copy the bundle again")
    return replace(task, space_name=name, builder=found[1])


def _result(measured: _Bundle, task: Task, bundled: BundledDispatch, known: DispatchResults) -> DispatchResult:
    evaluations = _evaluations(measured, task, bundled, known)
    if known.refused:
        return DispatchResult(task.dispatch, f"not tunable: {known.refused}", tuple(evaluations))
    if not known.is_complete:
        measured.listen(Note(f"{bundled.name}: its measuring has not ended; measure.pyz goes on where it was"))
        return DispatchResult(task.dispatch, "the default stays: its measuring has not ended", tuple(evaluations))
    min_gain = measured.manifest.min_gain
    if known.final is None:
        return DispatchResult(task.dispatch, verdict_on(None, min_gain), tuple(evaluations))
    best = next(evaluation for evaluation in evaluations if evaluation.candidate.number == known.final.number)
    final = known.final.final(best, min_gain)
    verdict = verdict_on(final, min_gain)
    if final.accepted:
        compilation = _compiled(measured, task, best)
        winner = replace(best, compilation=compilation)
        evaluations = [winner if evaluation is best else evaluation for evaluation in evaluations]
        final = replace(final, evaluation=winner, accepted=compilation.binary is not None)
        if not final.accepted:
            verdict = f"the default stays: the winner does not compile here ({compilation.detail})"
    return DispatchResult(task.dispatch, verdict, tuple(evaluations), final)


def _evaluations(measured: _Bundle, task: Task, bundled: BundledDispatch, known: DispatchResults) -> list[Evaluation]:
    """How every candidate ended, also those that did not compile. They are added to the run's store and log."""
    evaluations = []
    for candidate in bundled.candidates:
        number = candidate.number
        configuration = _configuration(task, candidate, bundled.name) if number else None
        log = measured.folder.path / "candidates" / bundled.name / f"{number}.log"
        compilation = candidate.compilation(log, configuration)
        if candidate.binary is None:
            evaluation = Evaluation(compilation, compilation.fate, compilation.detail)
        elif number in known.ended:
            evaluation = known.ended[number].evaluation(compilation)
        else:
            continue
        evaluations.append(evaluation)
        measured.folder.append({"dispatch": bundled.name, **evaluation.to_json()})
        if number:
            ended = evaluation.candidate
            measured.store.add(bundled.subject, ended.choice, Stored.of(evaluation), task.problem.key, ended.point)
    return evaluations


def _configuration(task: Task, candidate: BundledCandidate, name: str) -> Configuration:
    """The configuration of the candidate's knobs. Raises InputError for knobs of another space."""
    try:
        return task.builder.configuration(task.problem, candidate.point)
    except (ArithmeticError, LookupError, ValueError) as error:
        raise InputError(
            f"candidate {candidate.number} of {name} has knobs that its space has not; copy the bundle again, or"
            " take it back with the version that wrote it"
        ) from error


def _compiled(measured: _Bundle, task: Task, winner: Evaluation) -> Compilation:
    """The winner compiled here: a spec's entry is made by this compiler and read back from it."""
    name, number = task.dispatch.name, winner.candidate.number
    folder = measured.folder.path / "candidates" / name
    job = CompileJob(
        program=task.program,
        identity=name,
        candidate=winner.candidate,
        target=measured.opened.target,
        binary=folder / f"{number}.vmfb",
        log=folder / f"{number}.log",
        facts_for=measured.opened.target.machine_code_for,
    )
    (compilation,) = measured.compilers.compile([job])
    return compilation

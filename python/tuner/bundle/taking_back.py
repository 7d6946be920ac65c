# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes a bundle's results back: verdicts, certificates and a spec, as if the candidates had been measured here.

Only numbers come from the other machine. What goes into a spec is made anew here, of the knobs of a candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tuner.bundle.manifest import BundledCandidate, BundledDispatch, Manifest, read_manifest
from tuner.bundle.results import FILE, DispatchResults, Machine, Results
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import InputError
from tuner.evaluate.final import verdict_on
from tuner.events import Listener, Note, PhaseStarted
from tuner.model.model import Model
from tuner.model.onnx import Shapes
from tuner.options import Options
from tuner.outcome import Compilation, Evaluation
from tuner.runs.folder import RunFolder
from tuner.runs.store import Store, Stored, check_store, subject_of
from tuner.specs.certificate import Circumstances, circumstances
from tuner.specs.deliver import check_output, check_places, compile_command
from tuner.stopwatch import Stopwatch
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.toolchain.tools import compiler_version
from tuner.tuning.plan import Task, plan
from tuner.tuning.prove import prove_unrun
from tuner.tuning.result import DispatchResult, TuneResult


@dataclass(frozen=True, slots=True)
class _Taking:
    """What taking back works with."""

    manifest: Manifest
    results: Results
    target: Target
    folder: RunFolder
    compilers: CompilePool
    store: Store
    listen: Listener


def take_back(path: Path, bundle: Path, options: Options, listen: Listener) -> TuneResult:
    """The result of a run whose candidates were measured elsewhere. Nothing is run here, nor the whole model there.

    Of `options` only `output`, `run_dir`, `store`, `workers` and `compile_timeout_s` count; the others are those of
    the run that wrote the bundle. Raises InputError for a bundle that is not this model's or was not measured.
    """
    watch = Stopwatch()
    manifest = read_manifest(bundle)
    results = Results.read(bundle)
    if results is None:
        raise InputError(f"{bundle} has no {FILE}; measure it (python measure.pyz) and copy that file into it")
    _check_versions(manifest, bundle)
    target = choose_target(manifest.target, manifest.threads)
    opened = Model.open(path, (*target.compile_flags, *manifest.flags), watch)
    _check_places(path, bundle, options)
    with RunFolder.create(options.run_dir, path) as folder:
        return _taken(opened, bundle, manifest, results, target, options, folder, listen)


def _check_places(path: Path, bundle: Path, options: Options) -> None:
    """Raises InputError if something would be put where the model or a file of the bundle is."""
    check_places(path, options)
    files = {each: "a file of the bundle" for each in bundle.rglob("*") if each.is_file()}
    check_output(options.output, kept=files)
    if options.store is not None:
        check_store(options.store)


def _taken(
    opened: Model,
    bundle: Path,
    manifest: Manifest,
    results: Results,
    target: Target,
    options: Options,
    folder: RunFolder,
    listen: Listener,
) -> TuneResult:
    listen(Note(f"This run's folder: {folder.path}"))
    listen(PhaseStarted(f"reading {opened.source}"))
    shapes = Shapes(manifest.dims, manifest.inputs)
    model = opened.imported(shapes, folder.path)
    extracted = extract(model, target, folder.path)
    there = _circumstances(manifest, results.machine, extracted, target)
    with (
        Store(options.store or folder.store, there.shared, compiler_version()) as store,
        CompilePool(options.compile_workers, options.compile_timeout_s, opened.watch, folder.path) as compilers,
    ):
        taking = _Taking(manifest, results, target, folder, compilers, store, listen)
        dispatches = _results(taking, extracted, bundle)
    proof = prove_unrun(model, target, folder, dispatches, there, listen)
    command = compile_command(
        model,
        options.output or folder.spec,
        has_late=bool(proof.late_spec),
        reads_specs=target.reads_specs,
        target=manifest.target,
        shapes=shapes,
        flags=manifest.flags,
    )
    result = TuneResult(
        function="",
        spec=proof.spec,
        late_spec=proof.late_spec,
        flags=(),
        dispatches=proof.dispatches,
        model=None,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=f"{results.machine.processor} ({there.device}, {target.device.label})",
        compile_command=command,
        circumstances=there,
        wall_time=opened.watch.read(),
    )
    result.keep(options.output)
    return result


def _check_versions(manifest: Manifest, bundle: Path) -> None:
    if manifest.compiler_version != compiler_version():
        raise InputError(
            f"{bundle} was made with iree-compile {manifest.compiler_version}, here it is {compiler_version()}; install"
            " that one, or make and measure a new bundle"
        )


def _circumstances(manifest: Manifest, machine: Machine, extracted: Extracted, target: Target) -> Circumstances:
    """Those of the measuring: a processor that is another than this machine's is named."""
    here = extracted.device_description
    elsewhere = target.device.in_host_memory and machine.processor not in here
    found = circumstances(
        manifest.target,
        f"{machine.processor}, code for {here}" if elsewhere else here,
        extracted.features,
        machine.device,
        manifest.threads,
        (*target.compile_flags, *manifest.flags),
    )
    return replace(found, runtime_version=machine.runtime_version, tuner_version=manifest.tuner_version)


def _results(taking: _Taking, extracted: Extracted, bundle: Path) -> list[DispatchResult]:
    """One for each dispatch of the model that the bundle knows of, in the model's order."""
    planned = plan(extracted.dispatches, taking.target, early_only=taking.manifest.early_only)
    tasks = {task.dispatch.name: task for task in planned.tasks}
    bundled = {each.name: each for each in taking.manifest.dispatches}
    for each in bundled.values():
        task = tasks.get(each.name)
        if task is None or subject_of(task.program) != each.subject:
            raise InputError(
                f"{bundle} was made of another model: its dispatch {each.name} is not this one's; check both"
            )
    found = []
    for dispatch in extracted.dispatches:
        name = dispatch.name
        if name in bundled:
            found.append(_result(taking, tasks[name], bundled[name], taking.results.of(name)))
        else:
            reason = taking.manifest.left.get(name) or planned.left.get(name) or "left alone: it is not in the bundle"
            found.append(DispatchResult(dispatch, reason))
    return found


def _result(taking: _Taking, task: Task, bundled: BundledDispatch, known: DispatchResults) -> DispatchResult:
    evaluations = _evaluations(taking, task, bundled, known)
    if known.refused:
        return DispatchResult(task.dispatch, f"not tunable: {known.refused}", tuple(evaluations))
    if not known.is_complete:
        taking.listen(Note(f"{bundled.name}: its measuring has not ended; measure.pyz goes on where it was"))
        return DispatchResult(task.dispatch, "the default stays: its measuring has not ended", tuple(evaluations))
    min_gain = taking.manifest.min_gain
    if known.final is None:
        return DispatchResult(task.dispatch, verdict_on(None, min_gain), tuple(evaluations))
    best = next(each for each in evaluations if each.candidate.number == known.final.number)
    final = known.final.final(best, min_gain)
    verdict = verdict_on(final, min_gain)
    if final.accepted:
        compilation = _compiled(taking, task, best)
        winner = replace(best, compilation=compilation)
        evaluations = [winner if each is best else each for each in evaluations]
        final = replace(final, evaluation=winner, accepted=compilation.binary is not None)
        if not final.accepted:
            verdict = f"the default stays: the winner does not compile here ({compilation.detail})"
    return DispatchResult(task.dispatch, verdict, tuple(evaluations), final)


def _evaluations(taking: _Taking, task: Task, bundled: BundledDispatch, known: DispatchResults) -> list[Evaluation]:
    """How every candidate ended, also those that did not compile; into the store and the log of the run."""
    evaluations = []
    for candidate in bundled.candidates:
        number = candidate.number
        configuration = _configuration(task, candidate, bundled.name) if number else None
        log = taking.folder.path / "candidates" / bundled.name / f"{number}.log"
        compilation = candidate.compilation(log, configuration)
        if candidate.binary is None:
            evaluation = Evaluation(compilation, compilation.fate, compilation.detail)
        elif number in known.ended:
            evaluation = known.ended[number].evaluation(compilation)
        else:
            continue
        evaluations.append(evaluation)
        taking.folder.append({"dispatch": bundled.name, **evaluation.to_json()})
        if number:
            ended = evaluation.candidate
            taking.store.add(bundled.subject, ended.choice, Stored.of(evaluation), task.problem.key, ended.point)
    return evaluations


def _configuration(task: Task, candidate: BundledCandidate, name: str) -> Configuration:
    """What the candidate's knobs stand for. Raises InputError for knobs of another space."""
    try:
        return task.builder.configuration(task.problem, candidate.point)
    except (ArithmeticError, LookupError, ValueError) as error:
        raise InputError(
            f"candidate {candidate.number} of {name} has knobs that its space has not; copy the bundle again, or"
            " take it back with the version that wrote it"
        ) from error


def _compiled(taking: _Taking, task: Task, winner: Evaluation) -> Compilation:
    """The winner compiled here: what a spec writes is made by this compiler, and read back from it."""
    name, number = task.dispatch.name, winner.candidate.number
    folder = taking.folder.path / "candidates" / name
    job = CompileJob(
        program=task.program,
        identity=name,
        candidate=winner.candidate,
        target=taking.target,
        binary=folder / f"{number}.vmfb",
        log=folder / f"{number}.log",
    )
    (compilation,) = taking.compilers.compile([job])
    return compilation

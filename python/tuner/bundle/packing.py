# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a bundle: compiled candidates of a model's dispatches, for a device that need not be on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tuner.bundle.archive import write_archive
from tuner.bundle.choosing import compiled_for, worth_compiling
from tuner.bundle.manifest import FILE, PROGRAM, BundledCandidate, BundledDevice, BundledDispatch, Manifest
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import InputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.files import is_same
from tuner.knowledge.ranking import Knowledge
from tuner.options import Options
from tuner.outcome import DEFAULT, Compilation
from tuner.runs.folder import RunFolder
from tuner.runs.store import subject_of
from tuner.targets import Limits
from tuner.toolchain.tools import compiler_version
from tuner.tuning.dispatch_search import NothingToSearchError, solve
from tuner.tuning.fixes import check_fixes
from tuner.tuning.plan import Task, plan


def pack(path: Path, options: Options, bundle: Path | None, listen: Listener) -> tuple[Path, Manifest]:
    """Compiles the default and the most promising candidates of each tunable dispatch, and writes them to `bundle`.

    Nothing is run. Returns the bundle's folder (in the run's folder if `bundle` is None) and its manifest.
    Raises InputError for unusable input.
    """
    _check_options(options)
    opened = open_model(path, options)
    if bundle is not None:
        _check_place(bundle, options.run_dir)
    with RunFolder.create(options.run_dir, path) as folder:
        place = bundle or folder.path / "bundle"
        return place, _packed(opened, place, folder, listen)


def _packed(opened: OpenedModel, place: Path, folder: RunFolder, listen: Listener) -> Manifest:
    options, target = opened.options, opened.target
    listen(Note(f"This run's folder: {folder.path}"))
    _, extracted = opened.read(folder.path, listen)
    check_fixes(extracted.dispatches, target, extracted.limits, options, listen)
    planned = plan(extracted.dispatches, target, options)
    knowledge = Knowledge.of(options.records)
    left = dict(planned.left)
    with _made_whole(place) as unfinished:
        dispatches = []
        with CompilePool(options.compile_workers, options.compile_timeout_s) as compilers:
            for task in planned.tasks:
                name = task.dispatch.name
                try:
                    jobs = _drawn(task, extracted.limits, opened, knowledge, unfinished, folder)
                except NothingToSearchError as error:
                    left[name] = str(error)
                    continue
                listen(PhaseStarted(f"{name}: compiling {min(options.trials, len(jobs) - 1)} candidates"))
                chosen = compiled_for(options.trials, jobs, compilers.compile)
                _remove_but(chosen.sent, jobs)
                if chosen.left_out:
                    listen(Note(f"{name}: left out of what was compiled: {chosen.note}"))
                default = chosen.sent[0]
                if default.binary is None:
                    reason = f"not tunable: the compiler's own default does not compile ({default.detail})"
                    left[name] = reason
                else:
                    dispatches.append(_bundled(task, chosen.sent, unfinished))
        manifest = Manifest(
            tuner_version=version("iree-tuner"),
            compiler_version=compiler_version(),
            target=options.target,
            threads=options.threads,
            device=BundledDevice.of(target.device),
            flags=options.flags,
            dims=options.shapes.dims,
            inputs=options.shapes.inputs,
            plain=options.plain,
            seed=options.seed,
            min_gain=options.min_gain,
            left=left,
            dispatches=tuple(dispatches),
        )
        write_archive(unfinished / PROGRAM)
        (unfinished / FILE).write_text(manifest.to_text())
    return manifest


def _check_options(options: Options) -> None:
    """Raises InputError for options that a run which measures nothing cannot serve."""
    if options.devices:
        raise InputError(
            "--device is given to the program that measures a bundle (measure.pyz --device); leave it out here"
        )
    for given, name in (
        (options.output is not None, "-o"),
        (options.budget_s is not None, "--budget"),
        (options.resume, "--resume"),
        (bool(options.store), "--store"),
        (options.ray is not None, "--ray"),
        (bool(options.start_from), "--start-from"),
    ):
        if given:
            raise InputError(
                f"{name} has no use if nothing is measured; give it to iree-tune take-back, or leave it out"
                if name in ("-o", "--store")
                else f"{name} has no use if nothing is measured; leave it out"
            )


def _check_place(bundle: Path, run_dir: Path | None) -> None:
    if run_dir is not None and is_same(bundle, run_dir):
        raise InputError(f"{bundle} is the run's folder; name another by --bundle")
    if bundle.exists() and (not bundle.is_dir() or any(bundle.iterdir())):
        raise InputError(f"{bundle} is there already; name a new folder by --bundle")
    if not bundle.absolute().parent.is_dir():
        raise InputError(f"cannot write {bundle}: there is no folder {bundle.absolute().parent}; create it first")
    if not os.access(bundle.absolute().parent, os.W_OK):
        raise InputError(f"cannot write {bundle}: {bundle.absolute().parent} is not writable; choose another --bundle")


@contextmanager
def _made_whole(place: Path) -> Iterator[Path]:
    """A folder beside `place`, renamed to it when it is complete: nobody can copy half a bundle."""
    unfinished = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.absolute().parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.replace(place)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _drawn(
    task: Task, limits: Limits, opened: OpenedModel, knowledge: Knowledge, unfinished: Path, folder: RunFolder
) -> list[CompileJob]:
    """What compiles the default and the candidates that may be sent. Raises NothingToSearchError."""
    pool = solve(task, limits, opened.options)
    rng = np.random.default_rng(opened.options.seed)
    ranked = knowledge.rank(task.problem, pool, limits, opened.target.name, rng)
    rows = worth_compiling(pool, ranked, opened.options.trials, rng)
    candidates = (task.candidate(number, int(row), pool.point(row)) for number, row in enumerate(rows, 1))
    name, target = task.dispatch.name, opened.target
    return [
        CompileJob(
            program=task.program,
            identity=name,
            candidate=candidate,
            target=target,
            binary=unfinished / name / f"{candidate.number}.vmfb",
            log=folder.path / "candidates" / name / f"{candidate.number}.log",
            facts_for=target.machine_code_for,
        )
        for candidate in (DEFAULT, *candidates)
    ]


def _remove_but(sent: Sequence[Compilation], jobs: Sequence[CompileJob]) -> None:
    """Removes the files of all other candidates, and what a failed one left."""
    kept = {end.binary for end in sent}
    for job in jobs:
        if job.binary not in kept:
            job.binary.unlink(missing_ok=True)


def _bundled(task: Task, compiled: Sequence[Compilation], unfinished: Path) -> BundledDispatch:
    program = task.program
    return BundledDispatch(
        name=task.dispatch.name,
        subject=subject_of(program),
        space=task.space_name,
        problem=task.problem,
        entry=program.entry,
        buffer_setter=program.buffer_setter,
        buffer_bytes=program.buffer_bytes,
        regions=program.regions,
        arithmetic=program.arithmetic,
        candidates=tuple(
            BundledCandidate(
                number=end.candidate.number,
                point=end.candidate.point,
                fate=end.fate.value,
                detail=end.detail,
                compile_s=round(end.seconds, 4),
                binary=None if end.binary is None else end.binary.relative_to(unfinished).as_posix(),
                facts=end.facts,
            )
            for end in compiled
        ),
    )

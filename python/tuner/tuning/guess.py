# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run that measures nothing: each dispatch gets the configuration that is expected to be the fastest.

It needs no device. Entries have no certificates, since nothing was compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Dispatch
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import InputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.knowledge.prospects import prospect
from tuner.knowledge.ranking import Knowledge
from tuner.options import Options
from tuner.outcome import Evaluation
from tuner.runs.folder import RunFolder
from tuner.search.models.predicted import Predicted
from tuner.specs.circumstances import circumstances_of
from tuner.specs.deliver import check_places, compile_command
from tuner.stopwatch import Stopwatch
from tuner.targets import Limits, Target
from tuner.tuning.dispatch_search import NothingToSearchError, solve
from tuner.tuning.fixes import check_fixes
from tuner.tuning.plan import Task, plan
from tuner.tuning.prove import prove_unrun
from tuner.tuning.result import DispatchResult, TuneResult

# The rows, best first, of which the first that compiles is taken.
_TRIED = 4
_UNKNOWN = "the default stays: nothing is known of such problems on this target"


def guess_model(path: Path, options: Options, listen: Listener, watch: Stopwatch | None = None) -> TuneResult:
    """The model with the first of each dispatch's ranked candidates that compiles and that the model then holds.

    Raises InputError for unusable input, ToolError if the model does not compile.
    """
    watch = watch or Stopwatch()
    _check_options(options)
    opened = open_model(path, options, watch)
    check_places(path, options)
    knowledge = Knowledge.of(options.records)
    with RunFolder.create(options.run_dir, path) as folder:
        listen(Note(f"This run's folder: {folder.path}"))
        result = _guessed(opened, knowledge, folder, listen, watch)
        result.keep(options.output)
        return result


def _check_options(options: Options) -> None:
    """Raises InputError for options that a run which measures nothing cannot serve."""
    for given, name in (
        (options.budget_s is not None, "--budget"),
        (options.resume, "--resume"),
        (bool(options.store), "--store"),
        (options.ray is not None, "--ray"),
        (bool(options.start_from), "--start-from"),
        (bool(options.devices), "--device"),
        (options.clock != "host", "--clock"),
    ):
        if given:
            raise InputError(f"{name} has no use with --effort guess, which measures nothing; leave it out")


def _guessed(
    opened: OpenedModel, knowledge: Knowledge, folder: RunFolder, listen: Listener, watch: Stopwatch
) -> TuneResult:
    options, target = opened.options, opened.target
    model, extracted = opened.read(folder.path, listen)
    check_fixes(extracted.dispatches, target, extracted.limits, options, listen)
    planned = plan(extracted.dispatches, target, options)
    guesser = Guesser(knowledge, target, extracted.limits, options)
    found = {name: DispatchResult(_named(extracted.dispatches, name), reason) for name, reason in planned.left.items()}
    with CompilePool(options.compile_workers, options.compile_timeout_s, watch, folder.path) as compilers:
        for task in planned.tasks:
            name = task.dispatch.name
            listen(PhaseStarted(f"{name}: ranking its configurations"))
            found[name] = guesser.guess(task, compilers, folder)
    circumstances = circumstances_of(options, target, extracted, model.flags)
    results = [found[dispatch.name] for dispatch in extracted.dispatches]
    proof = prove_unrun(model, target, folder, results, circumstances, listen, plain=options.plain)
    return TuneResult(
        function="",
        spec=proof.spec,
        late_spec=proof.late_spec,
        preprocessing="",
        flags=(),
        ops=(),
        dispatches=proof.dispatches,
        model=None,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=target.device.label,
        compile_command=compile_command(
            model,
            options.output or folder.spec,
            options,
            target,
            has_late=bool(proof.late_spec),
        ),
        circumstances=circumstances,
        wall_time=watch.read(),
        prospect=prospect(target.name, 1) if any(result.guess is not None for result in proof.dispatches) else "",
    )


def _named(dispatches: Sequence[Dispatch], name: str) -> Dispatch:
    return next(dispatch for dispatch in dispatches if dispatch.name == name)


@dataclass(frozen=True, slots=True)
class Guesser:
    """Ranks the pools of dispatches by what is known, for one target."""

    knowledge: Knowledge
    target: Target
    limits: Limits
    options: Options

    def guess(self, task: Task, compilers: CompilePool, folder: RunFolder) -> DispatchResult:
        """The result of a dispatch: its guess, or why the default stays."""
        rng = np.random.default_rng(self.options.seed)
        try:
            pool = solve(task, self.limits, self.options)
        except NothingToSearchError as error:
            return DispatchResult(task.dispatch, str(error))
        ranked = self.knowledge.rank(task.problem, pool, self.limits, self.target.name, rng)
        if ranked is None:
            return DispatchResult(task.dispatch, _UNKNOWN)
        jobs = [self._job(task, number, row, pool.point(row), folder) for number, row in enumerate(best(ranked), 1)]
        compiled = compilers.compile(jobs)
        for end in compiled:
            if end.binary is not None and end.annotations is not None:
                guess = Evaluation(end, end.fate, "guessed, not measured")
                return DispatchResult(task.dispatch, f"guessed {words(ranked, len(pool))}", guess=guess)
        return DispatchResult(task.dispatch, f"the default stays: the guesses do not compile ({compiled[0].detail})")

    def _job(self, task: Task, number: int, row: int, point: dict[str, int], folder: RunFolder) -> CompileJob:
        name = task.dispatch.name
        place = folder.path / "candidates" / name
        return CompileJob(
            program=task.program,
            identity=name,
            candidate=task.candidate(number, row, point),
            target=self.target,
            binary=place / f"{number}.vmfb",
            log=place / f"{number}.log",
        )


def best(ranked: Predicted) -> list[int]:
    """The rows that are expected to be the fastest, the best first."""
    return sorted(ranked, key=ranked.__getitem__)[:_TRIED]


def words(ranked: Predicted, rows: int) -> str:
    """What a guess rests on, for people."""
    by = f"by {ranked.learnt_from} timings of similar dispatches" if ranked.learnt_from else "by a formula"
    return f"{by}, the first of {rows} configurations (sure to {ranked.sure:.0%}); not measured"

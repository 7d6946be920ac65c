# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configurations of ours that stand in for defaults which the compiler refuses, so that a choice of flags compiles.

Some flags make the compiler refuse its own default of a few dispatches. A configuration of such a dispatch's space may
compile. It goes into the late spec, whatever becomes of the dispatch's search, which compares candidates with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tuner.compile.pool import CompileJob
from tuner.constraints import Pool
from tuner.dispatch import Dispatch, Problem
from tuner.dispatches.extract import extract
from tuner.errors import ToolError
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import DEFAULT, Candidate, Compilation
from tuner.specs.stand_in import StandIn
from tuner.targets import Limits
from tuner.tuning.alone import time_alone
from tuner.tuning.dispatch_search import NothingToSearchError, solve
from tuner.tuning.plan import Task, plan
from tuner.tuning.workbench import Workbench

# Configurations of a dispatch that are compiled: half of those that were tried did (docs/models.md).
_TRIED = 8


def find_stand_ins(bench: Workbench, model: Model, folder: Path) -> tuple[StandIn, ...]:
    """Stand-ins for all defaults that the compiler refuses when it compiles `model`, each the fastest of a few.

    `folder`: for what is read and compiled. Their outputs are not compared here: those of the whole model are. Raises
    ToolError if the model cannot be read, if no default alone is refused, or if one has no stand-in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    extracted = extract(model, bench.target, folder)
    tasks = {task.problem: task for task in plan(extracted.dispatches, bench.target, bench.options).tasks}
    alone = {dispatch.problem or dispatch.name: dispatch for dispatch in reversed(extracted.dispatches)}
    runnable = [dispatch for dispatch in reversed(alone.values()) if dispatch.program is not None]
    jobs = [_job(bench, dispatch, DEFAULT, folder) for dispatch in runnable]
    ends = zip(runnable, bench.compilers.compile(jobs), strict=True)
    refused = [(dispatch, end.detail) for dispatch, end in ends if end.binary is None]
    if not refused:
        raise ToolError("the compiler refuses the model, and the default of none of its dispatches alone")
    # One that nothing can stand in for makes all others useless.
    solved = [(_task_of(dispatch, tasks), reason) for dispatch, reason in refused]
    pools = [_pool_of(task, extracted.limits, bench.options) for task, _ in solved]
    return tuple(
        _stand_in(bench, task, pool, folder, reason) for (task, reason), pool in zip(solved, pools, strict=True)
    )


def _task_of(dispatch: Dispatch, tasks: Mapping[Problem, Task]) -> Task:
    task = None if dispatch.problem is None else tasks.get(dispatch.problem)
    if task is None:
        raise ToolError(f"no space has a configuration that could stand in for the default of {dispatch.name}")
    return task


def _pool_of(task: Task, limits: Limits, options: Options) -> Pool:
    try:
        return solve(task, limits, options)
    except NothingToSearchError as error:
        raise ToolError(f"nothing stands in for the default of {task.dispatch.name}: {error}") from error


def _stand_in(bench: Workbench, task: Task, pool: Pool, folder: Path, reason: str) -> StandIn:
    """The fastest of a few configurations of a dispatch. Raises ToolError if none compiles and runs."""
    rows = np.random.default_rng(bench.options.seed).permutation(len(pool))[:_TRIED]
    candidates = [task.candidate(1, int(row), pool.point(int(row))) for row in rows]
    jobs = [_job(bench, task.dispatch, candidate, folder, place) for place, candidate in enumerate(candidates)]
    timed = [
        (time_s, end)
        for end in bench.compilers.compile(jobs)
        if end.binary is not None and (time_s := time_alone(bench.runner, task.program, end.binary)) is not None
    ]
    best: Compilation | None = min(timed, key=lambda entry: entry[0])[1] if timed else None
    if best is None or best.annotations is None:
        raise ToolError(f"none of {len(rows)} configurations can stand in for the default of {task.dispatch.name}")
    return StandIn(task.problem, task.dispatch.name, best.candidate, best.annotations, reason)


def _job(bench: Workbench, dispatch: Dispatch, candidate: Candidate, folder: Path, place: int = 0) -> CompileJob:
    """Compiles a candidate into `folder`; `place` numbers those of a dispatch."""
    assert dispatch.program is not None
    name = f"{dispatch.name}-{'default' if candidate.is_default else place}"
    binary, log = folder / "candidates" / f"{name}.vmfb", folder / "candidates" / f"{name}.log"
    return CompileJob(dispatch.program, dispatch.name, candidate, bench.target, binary, log)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lists a model's dispatches: what each computes, how often it runs, how long it takes, whether it can be tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Dispatch
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.events import Listener, PhaseStarted
from tuner.measuring import Runner
from tuner.options import Options
from tuner.outcome import DEFAULT
from tuner.runs.folder import RunFolder
from tuner.tuning.plan import plan


@dataclass(frozen=True, slots=True)
class Listed:
    """A dispatch, as the compiler makes it by default.

    `seconds`: of one run of it (None: not measured). `runs`: how often one run of the model runs it. `space`: the space
    that it is tuned in; without one `reason` says why it is not tuned.
    """

    name: str
    problem: str
    runs: int
    seconds: float | None
    space: str = ""
    reason: str = ""

    @property
    def model_s(self) -> float:
        """Seconds that it takes in one run of the model."""
        return self.runs * (self.seconds or 0.0)


def list_dispatches(path: Path, options: Options, listen: Listener) -> tuple[Listed, ...]:
    """The dispatches of a model, in its order, each run alone on the device. Raises InputError for unusable input."""
    opened = open_model(path, options)
    opened.check_devices()
    with RunFolder.temporary() as folder:
        _, extracted = opened.read(folder.path, listen)
        planned = plan(extracted.dispatches, opened.target, options)
        spaces = {task.problem: task.space_name for task in planned.tasks}
        seconds = _timed(extracted.dispatches, opened, folder.path, listen)
        return tuple(
            Listed(
                dispatch.name,
                dispatch.problem.label if dispatch.problem else "",
                dispatch.runs,
                seconds.get(dispatch.name),
                spaces.get(dispatch.problem, "") if dispatch.problem else "",
                planned.left.get(dispatch.name, ""),
            )
            for dispatch in extracted.dispatches
        )


def _timed(dispatches: Sequence[Dispatch], opened: OpenedModel, folder: Path, listen: Listener) -> dict[str, float]:
    """Seconds of one run of each dispatch that can be run alone, and whose default works."""
    options = opened.options
    jobs = [
        CompileJob(
            program=dispatch.program,
            identity=dispatch.name,
            candidate=DEFAULT,
            target=opened.target,
            binary=folder / f"{number}.vmfb",
            log=folder / f"{number}.log",
        )
        for number, dispatch in enumerate(dispatches)
        if dispatch.program is not None
    ]
    listen(PhaseStarted(f"timing dispatches: {len(jobs)}"))
    with CompilePool(options.compile_workers, options.compile_timeout_s) as compilers:
        compiled = compilers.compile(jobs)
    seconds = {}
    with Runner(opened.target.device) as runner:
        for job, default in zip(jobs, compiled, strict=True):
            try:
                bench = DispatchBench.start(runner, job.program, default)
            except ToolError:
                continue
            seconds[job.identity] = bench.baseline_s
            bench.rest()
    return seconds

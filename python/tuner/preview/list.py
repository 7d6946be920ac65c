# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lists a model's dispatches: what each computes, how often it runs, what it takes, whether it can be tuned."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import extract
from tuner.errors import ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.events import Listener, PhaseStarted
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import DEFAULT
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.tuning.plan import plan


@dataclass(frozen=True, slots=True)
class Listed:
    """A dispatch: `seconds` of one run of it with the compiler's default (None: not measured), `runs` in one run of the
    model. `space` is where it is tuned, or in `reason` stands why it is not."""

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
    target = choose_target(options.target, options.threads)
    model = Model.open(path, (*target.compile_flags, *options.flags))
    with tempfile.TemporaryDirectory(prefix="iree-tuner-") as name:
        folder = Path(name)
        listen(PhaseStarted(f"reading {path}"))
        extracted = extract(model.imported(options.shapes, folder), target, folder)
        planned = plan(extracted.dispatches, target)
        spaces = {task.problem: task.space_name for task in planned.tasks}
        seconds = _time_each(extracted.dispatches, options, target, folder, listen)
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


def _time_each(
    dispatches: Sequence[Dispatch], options: Options, target: Target, folder: Path, listen: Listener
) -> dict[str, float]:
    """Seconds of one run of each dispatch that can be run alone, and whose default works."""
    jobs = {
        dispatch: CompileJob(
            program=dispatch.program,
            identity=dispatch.name,
            candidate=DEFAULT,
            target=target,
            binary=folder / f"{number}.vmfb",
            log=folder / f"{number}.log",
        )
        for number, dispatch in enumerate(dispatches)
        if dispatch.program is not None
    }
    listen(PhaseStarted(f"timing {len(jobs)} dispatches"))
    with CompilePool(options.compile_workers, options.compile_timeout_s) as compilers:
        compiled = compilers.compile(list(jobs.values()))
    seconds = {}
    with Runner(target.device) as runner:
        for (dispatch, job), default in zip(jobs.items(), compiled, strict=True):
            assert dispatch.problem is not None
            try:
                bench = DispatchBench(runner, job.program, default)
            except ToolError:
                continue
            seconds[dispatch.name] = bench.baseline_s
            bench.rest()
    return seconds

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run would tune, among how many choices, and about how long that would take: all shown before it begins.

The times are of this machine: the model is compiled and run once, each default is compiled and evaluated as a
candidate is. How many of these a run needs is estimated; what a candidate takes may differ from what the default takes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.events import Listener, PhaseStarted
from tuner.files import TEMPORARY
from tuner.measuring import Runner
from tuner.measuring.presence import check_present
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import DEFAULT
from tuner.runs.folder import RunFolder
from tuner.specs.deliver import check_places
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.tuning.dispatch_search import NothingToSearchError, solve
from tuner.tuning.dispatches import LEAST_SHARE
from tuner.tuning.flag_search import check_pins, flag_choices
from tuner.tuning.plan import Plan, Task, chosen, plan
from tuner.tuning.whole_model import PlainModel, prepare_model

# A final takes so many times what evaluating a candidate takes, the proof of a spec so many compilations of the model
# and runs of it: set after looking at one run of an example (said: 70 s; three such runs: 69, 85 and 87 s).
_EVALUATIONS_OF_A_FINAL = 30
_COMPILATIONS_OF_A_PROOF, _RUNS_OF_A_PROOF = 4, 80
# The least that a sample takes.
_SAMPLE_S = 0.01


@dataclass(frozen=True, slots=True)
class DispatchForecast:
    """A dispatch that would be tuned.

    `solutions`: how many its space has, drawn ones where `is_exact` is false. `candidates`: how many would be tried.
    `default_s`: seconds of one run of the default, `runs` of them in one run of the model. `compile_s`, `evaluate_s`:
    what compiling the default and evaluating it as a candidate took. `search_s`, `final_s`: what is to be expected.
    """

    name: str
    problem: str
    space: str
    solutions: int
    is_exact: bool
    candidates: int
    runs: int
    default_s: float
    compile_s: float
    evaluate_s: float
    search_s: float
    final_s: float


@dataclass(frozen=True, slots=True)
class FlagForecast:
    """The search of flags: the knobs with their values, how many `choices` they make, how many would be tried."""

    knobs: Mapping[str, tuple[str, ...]]
    choices: int
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do. `left`: why each other dispatch would not be tuned. Times are seconds.

    `flags` is None where none would be searched. `so_far_s`: what this took, which a run does too. `budget_s`: the end
    that was set, if one was.
    """

    dispatches: tuple[DispatchForecast, ...]
    left: Mapping[str, str]
    flags: FlagForecast | None
    proof_s: float
    so_far_s: float
    budget_s: float | None

    @property
    def wanted_s(self) -> float:
        """What a run would take without a budget."""
        flags_s = self.flags.seconds if self.flags else 0.0
        return self.so_far_s + flags_s + sum(each.search_s + each.final_s for each in self.dispatches) + self.proof_s

    @property
    def total_s(self) -> float:
        """What a run would take."""
        return self.wanted_s if self.budget_s is None else min(self.budget_s, self.wanted_s)


def forecast(path: Path, options: Options, listen: Listener) -> Forecast:
    """Looks at everything that a run would begin with, and leaves nothing behind. Raises InputError as a run does."""
    started = time.monotonic()
    target = choose_target(options.target, options.threads, options.devices)
    check_pins(target.name, options)
    opened = Model.open(path, (*target.compile_flags, *options.flags))
    check_present(target.device)
    check_places(path, options)
    with (
        tempfile.TemporaryDirectory(prefix=TEMPORARY) as name,
        Runner(target.device) as runner,
        CompilePool(options.compile_workers, options.compile_timeout_s) as compilers,
    ):
        folder = RunFolder(Path(name))
        compilers.begin()
        listen(PhaseStarted(f"reading {path}"))
        model = opened.imported(options.shapes, folder.path)
        extracted = extract(model, target, folder.path)
        plain = prepare_model(model, extracted, options.function, folder, runner)
        compilers.wait()
        planned = plan(chosen(extracted.dispatches, options.dispatches), target, early_only=options.early_only)
        listen(PhaseStarted(f"timing the defaults of {len(planned.tasks)} dispatches"))
        looking = _Looking(options, target, extracted, folder, runner, compilers)
        dispatches, left = looking.at(planned)
        proof_s = _COMPILATIONS_OF_A_PROOF * plain.costs.compile_s + _RUNS_OF_A_PROOF * max(_SAMPLE_S, plain.run_s)
        return Forecast(
            dispatches=dispatches,
            left={**planned.left, **left},
            flags=_flags(target, options, plain),
            proof_s=proof_s,
            so_far_s=time.monotonic() - started,
            budget_s=options.budget_s,
        )


def _flags(target: Target, options: Options, plain: PlainModel) -> FlagForecast | None:
    if options.dispatches or options.keep_flags:
        return None
    found = flag_choices(target.name, options, plain)
    if found is None:
        return None
    values, choices, trials, each_s = found
    return FlagForecast(values, choices, trials, trials * each_s)


@dataclass(frozen=True, slots=True)
class _Looking:
    options: Options
    target: Target
    extracted: Extracted
    folder: RunFolder
    runner: Runner
    compilers: CompilePool

    def at(self, planned: Plan) -> tuple[tuple[DispatchForecast, ...], dict[str, str]]:
        """What is to be expected of each task, the longest default first, or why it would be left alone."""
        jobs = [self._job(number, task) for number, task in enumerate(planned.tasks)]
        found, left = [], {}
        for task, job, default in zip(planned.tasks, jobs, self.compilers.compile(jobs), strict=True):
            try:
                pool = solve(task, self.extracted.limits, self.options)
                bench = DispatchBench(self.runner, job.program, default)
            except (NothingToSearchError, ToolError) as error:
                left[task.dispatch.name] = str(error)
                continue
            started = time.perf_counter()
            bench.evaluate(default)
            evaluate_s = time.perf_counter() - started
            bench.rest()
            candidates = min(self.options.trials, len(pool))
            each_s = default.seconds / self.options.compile_workers + evaluate_s / len(self.target.devices)
            found.append(
                DispatchForecast(
                    name=task.dispatch.name,
                    problem=task.problem.label,
                    space=task.space_name,
                    solutions=len(pool),
                    is_exact=pool.is_exact,
                    candidates=candidates,
                    runs=task.runs,
                    default_s=bench.baseline_s,
                    compile_s=default.seconds,
                    evaluate_s=evaluate_s,
                    search_s=candidates * each_s,
                    final_s=_EVALUATIONS_OF_A_FINAL * evaluate_s,
                )
            )
        total_s = sum(each.runs * each.default_s for each in found)
        if not self.options.dispatches:
            for each in [each for each in found if each.runs * each.default_s < LEAST_SHARE * total_s]:
                found.remove(each)
                left[each.name] = f"left alone: it takes less than {LEAST_SHARE:.1%} of the time"
        return tuple(sorted(found, key=lambda each: -each.runs * each.default_s)), left

    def _job(self, number: int, task: Task) -> CompileJob:
        return CompileJob(
            program=task.program,
            identity=task.dispatch.name,
            candidate=DEFAULT,
            target=self.target,
            binary=self.folder.path / f"{number}.vmfb",
            log=self.folder.path / f"{number}.log",
        )

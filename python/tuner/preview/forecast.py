# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Forecasts a run: what it would tune, among how many choices, and about how long it would take.

The times are measured on this machine: the model is compiled and run once, each default is compiled and evaluated as
a candidate is. How many of these a run needs is estimated; a candidate may take longer or shorter than the default.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatches.extract import Extracted
from tuner.dispatches.op_mix import has_convolutions, op_mix
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.budget import Budget
from tuner.events import Listener, PhaseStarted
from tuner.measuring import Runner
from tuner.options import Options
from tuner.outcome import DEFAULT, Compilation
from tuner.runs.folder import RunFolder
from tuner.specs.deliver import check_places
from tuner.tuning.dispatch_search import NothingToSearchError, solve
from tuner.tuning.dispatches import LEAST_SHARE
from tuner.tuning.fixes import check_fixes
from tuner.tuning.flag_plan import check_pins, plan_flags
from tuner.tuning.op_plan import MOST_TRIALS, may_choose_ops, ops_of, plan_ops
from tuner.tuning.plan import Plan, Task, plan
from tuner.tuning.whole_model import PlainModel, prepare_model

# How many times as long as checking and timing one candidate a final takes; what the proof of a spec takes, in
# compilations and runs of the model. Set from one run of an example (forecast: 70 s; three runs: 69, 85 and 87 s).
_EVALUATIONS_OF_A_FINAL = 30
_COMPILATIONS_OF_A_PROOF, _RUNS_OF_A_PROOF = 4, 80
# Shortest time of a sample.
_SAMPLE_S = 0.01


@dataclass(frozen=True, slots=True)
class DispatchForecast:
    """A dispatch that would be tuned.

    `solutions`: how many its space has, or how many were drawn if `is_exact` is false. `candidates`: how many would be
    tried. `default_s`: seconds of one run of the default, `runs` of them in one run of the model. `compile_s`,
    `evaluate_s`: what compiling the default and evaluating it as a candidate took. `search_s`, `final_s`: what the
    search and the final are expected to take.
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

    @property
    def model_s(self) -> float:
        """Seconds that the default takes in one run of the model."""
        return self.runs * self.default_s


@dataclass(frozen=True, slots=True)
class FlagForecast:
    """The search of flags: the knobs with their values, how many `choices` they make, how many would be tried."""

    knobs: Mapping[str, tuple[str, ...]]
    choices: int
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class OpForecast:
    """The search of choices for single ops: for each choice how many ops it suits, how many `sets` of them there are.

    `trials`: how many of these would be tried. Halves of those that do not pay are tried too, `most` sets in all.
    """

    choices: Mapping[str, int]
    sets: int
    trials: int
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do. `left`: why each other dispatch would not be tuned. Times are seconds.

    `ops` and `flags` are None if none would be searched. `so_far_s`: what the forecast took, which a run does too.
    `budget_s`: the budget of the run, if it has one.
    """

    dispatches: tuple[DispatchForecast, ...]
    left: Mapping[str, str]
    ops: OpForecast | None
    flags: FlagForecast | None
    proof_s: float
    so_far_s: float
    budget_s: float | None

    @property
    def wanted_s(self) -> float:
        """What a run would take without a budget."""
        ops_s = self.ops.seconds if self.ops else 0.0
        flags_s = self.flags.seconds if self.flags else 0.0
        return (
            self.so_far_s
            + ops_s
            + flags_s
            + sum(dispatch.search_s + dispatch.final_s for dispatch in self.dispatches)
            + self.proof_s
        )

    @property
    def total_s(self) -> float:
        """What a run would take."""
        return self.wanted_s if self.budget_s is None else min(self.budget_s, self.wanted_s)


def forecast(path: Path, options: Options, listen: Listener) -> Forecast:
    """Forecasts a run and leaves nothing behind. Raises InputError as a run does."""
    started = time.monotonic()
    opened = open_model(path, options)
    check_pins(opened.target.name, options)
    opened.check_devices()
    check_places(path, options)
    with (
        RunFolder.temporary() as folder,
        Runner(opened.target.device) as runner,
        CompilePool(options.compile_workers, options.compile_timeout_s) as compilers,
    ):
        compilers.begin()
        model, extracted = opened.read(folder.path, listen)
        check_fixes(extracted.dispatches, opened.target, extracted.limits, options, listen)
        plain = prepare_model(model, extracted, options.function, folder, runner, allocator=options.first_allocator)
        compilers.wait()
        planned = plan(extracted.dispatches, opened.target, options)
        listen(PhaseStarted(f"timing defaults of dispatches: {len(planned.tasks)}"))
        found, left = _Forecaster(opened, extracted, folder, runner, compilers).forecast(planned)
        ops = _ops(opened, extracted, plain, folder, listen)
        proof_s = _COMPILATIONS_OF_A_PROOF * plain.costs.compile_s + _RUNS_OF_A_PROOF * max(_SAMPLE_S, plain.run_s)
        return Forecast(
            dispatches=found,
            left={**planned.left, **left},
            ops=ops,
            flags=_flags(opened, extracted, plain, 0.0 if ops is None else ops.seconds),
            proof_s=proof_s,
            so_far_s=time.monotonic() - started,
            budget_s=options.budget_s,
        )


def _ops(
    opened: OpenedModel, extracted: Extracted, plain: PlainModel, folder: RunFolder, listen: Listener
) -> OpForecast | None:
    options, target = opened.options, opened.target.name
    if not may_choose_ops(options, target):
        return None
    ops = ops_of(plain.model, folder.path / "ops", listen)
    planned = plan_ops(options, target, ops, plain.costs, extracted.seconds)
    if not planned.groups:
        return None
    trials = planned.affordable(Budget(options.budget_s).left_s)
    seconds = trials * planned.trial_s + planned.end_s if trials else 0.0
    return OpForecast(planned.ops, len(planned.groups), trials, MOST_TRIALS, seconds)


def _flags(opened: OpenedModel, extracted: Extracted, plain: PlainModel, before_s: float) -> FlagForecast | None:
    options, convolutions = opened.options, has_convolutions(op_mix(extracted.dispatches))
    if options.dispatches or options.keep_flags:
        return None
    planned = plan_flags(opened.target.name, options, plain, before_s, convolutions=convolutions)
    if planned is None:
        return None
    return FlagForecast(planned.knobs, planned.choices, planned.trials, planned.trials * planned.choice_s)


@dataclass(frozen=True, slots=True)
class _Forecaster:
    opened: OpenedModel
    extracted: Extracted
    folder: RunFolder
    runner: Runner
    compilers: CompilePool

    def forecast(self, planned: Plan) -> tuple[tuple[DispatchForecast, ...], dict[str, str]]:
        """What is to be expected of each task, the longest default first, or why it would be left alone."""
        options = self.opened.options
        jobs = [self._job(number, task) for number, task in enumerate(planned.tasks)]
        found, left = [], {}
        for task, job, default in zip(planned.tasks, jobs, self.compilers.compile(jobs), strict=True):
            try:
                found.append(self._of(task, job, default))
            except (NothingToSearchError, ToolError) as error:
                left[task.dispatch.name] = str(error)
        if not options.dispatches:
            least_s = LEAST_SHARE * sum(dispatch.model_s for dispatch in found)
            short = [dispatch for dispatch in found if dispatch.model_s < least_s]
            found = [dispatch for dispatch in found if dispatch.model_s >= least_s]
            left |= {
                dispatch.name: f"left alone: it takes less than {LEAST_SHARE:.1%} of the time" for dispatch in short
            }
        return tuple(sorted(found, key=lambda dispatch: -dispatch.model_s)), left

    def _of(self, task: Task, job: CompileJob, default: Compilation) -> DispatchForecast:
        """Evaluates the default as a candidate. Raises NothingToSearchError or ToolError."""
        options = self.opened.options
        pool = solve(task, self.extracted.limits, options)
        bench = DispatchBench.start(self.runner, job.program, default)
        started = time.perf_counter()
        bench.evaluate(default)
        evaluate_s = time.perf_counter() - started
        bench.rest()
        candidates = min(options.trials, len(pool))
        candidate_s = default.seconds / options.compile_workers + evaluate_s / len(self.opened.target.devices)
        return DispatchForecast(
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
            search_s=candidates * candidate_s,
            final_s=_EVALUATIONS_OF_A_FINAL * evaluate_s,
        )

    def _job(self, number: int, task: Task) -> CompileJob:
        return CompileJob(
            program=task.program,
            identity=task.dispatch.name,
            candidate=DEFAULT,
            target=self.opened.target,
            binary=self.folder.path / f"{number}.vmfb",
            log=self.folder.path / f"{number}.log",
        )

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes one dispatch after the other: space, search, compile, measure, decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuner import registry, spaces
from tuner.compiling import CompileJob, CompilePool
from tuner.constraints import ConstraintError, Pool, explain_empty, find_pool
from tuner.deciding import is_decided
from tuner.dispatch import BenchmarkProgram, Configuration, Dispatch, Problem
from tuner.errors import ToolError
from tuner.evaluating import DispatchBench
from tuner.events import CandidateEnded, Disturbance, Event, FinalistFailed, Listener, PhaseStarted
from tuner.measuring import Runner
from tuner.options import Options
from tuner.outcome import Compilation, Evaluation
from tuner.result import DispatchResult
from tuner.run_folder import RunFolder
from tuner.search import Strategy
from tuner.spaces import SpaceBuilder
from tuner.spec import has_matcher
from tuner.targets import Limits, Target

# Candidates are compiled so many at a time, then measured while nothing compiles.
_BATCH = 4
# Of a space that is too large to enumerate so many solutions are drawn for each trial, to choose among.
_SAMPLES_PER_TRIAL = 4


class DispatchTuner:
    """The part of the road that each dispatch goes alone."""

    def __init__(
        self,
        options: Options,
        target: Target,
        limits: Limits,
        folder: RunFolder,
        runner: Runner,
        pool: CompilePool,
        listen: Listener,
    ) -> None:
        self._options = options
        self._target = target
        self._limits = limits
        self._strategy: type[Strategy] = registry.load("tuner.strategies", options.strategy)
        self._folder = folder
        self._runner = runner
        self._pool = pool
        self._listen = listen

    def tune_all(self, dispatches: Sequence[Dispatch]) -> list[DispatchResult]:
        """Each dispatch's result; equal problems are tuned once, since one spec entry serves them all."""
        tuned: dict[Problem, str] = {}
        results = []
        for dispatch in dispatches:
            problem, program = dispatch.problem, dispatch.program
            if problem is None or program is None:
                results.append(DispatchResult(dispatch, f"not tunable: {dispatch.untunable}"))
                continue
            if problem in tuned:
                results.append(DispatchResult(dispatch, f"same problem as {tuned[problem]}"))
                continue
            if self._options.early_only and not (self._target.reads_specs and has_matcher(problem)):
                reason = f"left alone: no spec that plain iree-compile reads can reach {problem.label}"
                results.append(DispatchResult(dispatch, reason))
                continue
            found = spaces.find(self._target.name, problem)
            if found is None:
                reason = f"not tunable: no space for {problem.label} on {self._target.name}"
                results.append(DispatchResult(dispatch, reason))
                continue
            tuned[problem] = dispatch.name
            results.append(self._tune(dispatch, problem, program, *found))
        return results

    def _tune(
        self,
        dispatch: Dispatch,
        problem: Problem,
        program: BenchmarkProgram,
        space_name: str,
        builder: SpaceBuilder,
    ) -> DispatchResult:
        space = builder.build(problem, self._limits)
        try:
            sampling = np.random.default_rng(self._options.seed)
            pool = find_pool(space, samples=_SAMPLES_PER_TRIAL * self._options.trials, rng=sampling)
        except ConstraintError as error:
            return DispatchResult(dispatch, f"not tunable: {space_name}: {error}")
        if not len(pool):
            return DispatchResult(
                dispatch,
                f"not tunable: {space_name} has no solution: {'; '.join(explain_empty(space))}",
            )
        trials = min(self._options.trials, len(pool))
        self._listen(
            PhaseStarted(
                f"{dispatch.name}: {trials} of {len(pool)} {'configurations' if pool.is_exact else 'drawn'}", trials
            )
        )
        rng = np.random.default_rng(self._options.seed)
        strategy = self._strategy(pool, rng, trials)
        default, *_ = self._compile(dispatch, program, {0: None})
        try:
            bench = DispatchBench(self._runner, program, problem, default, dispatch=dispatch.name, listen=self._record)
        except ToolError as error:
            return DispatchResult(dispatch, f"not tunable: {error}")
        evaluations = [self._ended(dispatch, bench.default_evaluation(), 1.0)]
        best = 1.0
        while len(evaluations) <= trials:
            rows = strategy.ask(min(_BATCH, trials + 1 - len(evaluations)))
            if not rows:
                break
            batch = self._numbered(builder, problem, pool, rows, first=len(evaluations))
            compilations = self._compile(
                dispatch, program, {number: configuration for number, _, configuration in batch}
            )
            bench.sample_baseline()
            for (number, row, configuration), compilation in zip(batch, compilations, strict=True):
                evaluation = bench.evaluate(number, row, configuration, compilation)
                best = max(best, evaluation.speedup or 0.0)
                evaluations.append(self._ended(dispatch, evaluation, best))
                # Strategies see times relative to a baseline of the same minute: drift is no signal.
                strategy.tell(row, 1 / evaluation.speedup if evaluation.speedup else None)
        self._listen(PhaseStarted(f"{dispatch.name}: best against default, interleaved"))
        final = bench.final(evaluations, rng, self._options.min_gain)
        if final is None:
            verdict = "the default stays: no candidate ran"
        elif final.accepted:
            verdict = "tuned"
        elif not is_decided(final.ratio, self._options.min_gain):
            rounds = len(final.paired.baseline_s)
            verdict = f"the default stays: this machine is too noisy to decide in {rounds} rounds ({final.ratio})"
        else:
            verdict = f"the default is best (the best candidate: {final.ratio})"
        return DispatchResult(dispatch, verdict, tuple(evaluations), final)

    @staticmethod
    def _numbered(
        builder: SpaceBuilder, problem: Problem, pool: Pool, rows: Sequence[int], first: int
    ) -> list[tuple[int, int, Configuration]]:
        return [(first + index, row, builder.configuration(problem, pool.point(row))) for index, row in enumerate(rows)]

    def _compile(
        self,
        dispatch: Dispatch,
        program: BenchmarkProgram,
        configurations: dict[int, Configuration | None],
    ) -> list[Compilation]:
        folder = self._folder.path / "candidates" / dispatch.name
        return self._pool.compile(
            [
                CompileJob(
                    program=program,
                    identity=dispatch.name,
                    configuration=configuration,
                    target=self._target,
                    binary=folder / f"{number}.vmfb",
                    log=folder / f"{number}.log",
                )
                for number, configuration in configurations.items()
            ]
        )

    def _record(self, event: Event) -> None:
        """Into the log what is told of faults and noise, and on to whoever listens."""
        if isinstance(event, FinalistFailed | Disturbance):
            self._folder.append(event.to_json())
        self._listen(event)

    def _ended(self, dispatch: Dispatch, evaluation: Evaluation, best: float) -> Evaluation:
        self._folder.append({"dispatch": dispatch.name, **evaluation.to_json()})
        self._listen(CandidateEnded(dispatch.name, evaluation, best))
        return evaluation

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of a function's space: as of a dispatch, but candidates are built where they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.callables.functions import Functions
from tuner.callables.result import CallableResult
from tuner.constraints import ConstraintError, Pool, Space, explain_empty, find_pool
from tuner.errors import InputError, ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import verdict_on
from tuner.events import CandidateEnded, Listener, PhaseStarted, SearchPlanned
from tuner.measuring import Runner
from tuner.options import Options
from tuner.outcome import Candidate, Compilation, Evaluation, Fate

# Solutions drawn for each candidate from a space that is too large to enumerate, so that the strategy can choose.
_SAMPLES_PER_TRIAL = 4
# Candidates that a strategy chooses at a time; the default is timed once before each such batch.
_BATCH = 4
# What events call a function.
_NAME = "function"


@dataclass(frozen=True, slots=True)
class Search:
    """What a search works with. Once `stop()` is true, or the budget spent, the final follows."""

    space: Space
    functions: Functions
    default: Mapping[str, int]
    options: Options
    listen: Listener
    stop: Callable[[], bool]

    def run(self, runner: Runner) -> CallableResult:
        """Searches, and compares the best with the default. Raises InputError if there is nothing to search."""
        names = [knob.name for knob in self.space.knobs]
        if sorted(self.default) != sorted(names):
            raise InputError(f"default has {sorted(self.default)}, and the space has the knobs {sorted(names)}")
        pool, budget = self._pool(), Budget(self.options.budget_s)
        bench = self._bench(runner)
        evaluations = [bench.default_evaluation()]
        rng = np.random.default_rng(self.options.seed)
        trials = min(self.options.trials, len(pool))
        strategy = self.options.strategy_kind(pool, rng, trials)
        how = "configurations" if pool.is_exact else "drawn"
        self.listen(SearchPlanned(1, trials))
        self.listen(PhaseStarted(f"{trials} of {len(pool)} {how}", trials))
        best = 1.0
        while (left := trials + 1 - len(evaluations)) > 0 and not self._is_over(bench, evaluations, budget):
            rows = strategy.ask(min(_BATCH, left))
            if not rows:
                break
            bench.sample_baseline()
            for row in rows:
                evaluation = bench.evaluate(_compiled(len(evaluations), row, pool.point(row)))
                evaluations.append(evaluation)
                best = max(best, evaluation.speedup or 0.0)
                strategy.tell(row, 1 / evaluation.speedup if evaluation.speedup else None)
                self.listen(CandidateEnded(_NAME, evaluation, best))
        self.listen(PhaseStarted("best against default, interleaved"))
        final = bench.final(evaluations, rng, self.options.min_gain, budget)
        return CallableResult(self.default, tuple(evaluations), final, verdict_on(final, self.options.min_gain))

    def _pool(self) -> Pool:
        samples, rng = _SAMPLES_PER_TRIAL * self.options.trials, np.random.default_rng(self.options.seed)
        try:
            pool = find_pool(self.space, samples=samples, rng=rng)
            if not len(pool):
                raise InputError(f"the space has no solution: {'; '.join(explain_empty(self.space))}")
        except ConstraintError as error:
            raise InputError(f"the space cannot be solved: {error}") from error
        return pool

    def _bench(self, runner: Runner) -> DispatchBench:
        self.listen(PhaseStarted("timing the default"))
        try:
            return DispatchBench.of(
                runner, self.functions, _compiled(0, None, self.default), name=_NAME, listen=self.listen
            )
        except ToolError as error:
            raise InputError(f"the default {dict(self.default)} cannot be timed: {error.__cause__ or error}") from error

    def _is_over(self, bench: DispatchBench, evaluations: list[Evaluation], budget: Budget) -> bool:
        """Whether the final must start: the caller wants it to, or the budget has no time for more."""
        best = max(evaluation.speedup or 0.0 for evaluation in evaluations)
        return self.stop() or budget.left_s < bench.final_costs(best).wanted_s(len(evaluations) - 1)


def _compiled(number: int, row: int | None, point: Mapping[str, int]) -> Compilation:
    """A candidate that waits to be built where it runs."""
    return Compilation(Candidate(number, row, point), Fate.COMPILED, "", 0.0, Path())

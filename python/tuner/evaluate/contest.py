# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The final of a dispatch: finalists against one another by successive halving, then the best against the default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from tuner.errors import MeasurementError
from tuner.evaluate.baseline import CANDIDATE_KEY, DEFAULT_KEY, FINAL_SEEDS, HARD_SEEDS, Baseline
from tuner.evaluate.budget import Budget
from tuner.evaluate.failures import CHANCES, fate_of
from tuner.evaluate.final import Final, finalists
from tuner.evaluate.final_costs import DUEL_S, KEEP, FinalCosts
from tuner.evaluate.scrutiny import RUNS, Scrutiny, scrutinise
from tuner.measuring import Verification
from tuner.measuring.dueling import faster_first
from tuner.measuring.halving import successive_halving
from tuner.measuring.sampling import UNDECIDED_S, Paired, calibrate, paired_rounds, renewing
from tuner.measuring.transport import ATTEMPTS
from tuner.outcome import Evaluation, Fate
from tuner.speedup import is_decided, is_faster_anywhere, speedup

T = TypeVar("T")


class _FinalistError(Exception):
    """A finalist came to another end than in the search."""

    def __init__(self, evaluation: Evaluation, fate: Fate, detail: str) -> None:
        super().__init__(detail)
        self.evaluation = evaluation.failed(fate, f"in the final: {detail}")


class Contest:
    """Compares the best candidates of a search. `run` is called once."""

    def __init__(
        self,
        baseline: Baseline,
        rng: np.random.Generator,
        min_gain: float,
        budget: Budget,
        passed_over: Callable[[Evaluation], None],
        scrutinised: Callable[[Evaluation, Scrutiny], None],
    ) -> None:
        """`passed_over` receives failed finalists with their new fates, `scrutinised` what a harder check found."""
        self._baseline = baseline
        self._runner = baseline.runner
        self._rng = rng
        self._min_gain = min_gain
        self._budget = budget
        self._passed_over = passed_over
        self._scrutinised = scrutinised

    def run(self, evaluations: Sequence[Evaluation]) -> Final | None:
        """The verdict on the best candidate, or None if none was measured or all fail.

        Within the budget fewer finalists are compared, and the rounds end with it, though never before the fewest that
        a verdict needs. Raises DeviceLostError if the default runs no longer.
        """
        left = finalists(evaluations)
        failures: Counter[int] = Counter()
        interruptions = 0
        costs = costs_of(self._baseline, max((finalist.speedup or 1.0 for finalist in left), default=1.0))
        ranked = False
        while left:
            try:
                if not ranked:
                    left = self._ranked(left, self._budget.less(costs.least_s), costs)
                    ranked = True
                return self._against_default(left[0])
            except _FinalistError as error:
                failed = error.evaluation
                number = failed.candidate.number
                failures[number] += 1
                self._baseline.suspect_device()
                if failed.fate is Fate.WRONG_RESULT or failures[number] == CHANCES:
                    left = [finalist for finalist in left if finalist.candidate.number != number]
                    self._passed_over(failed)
            except MeasurementError:
                # The process died between samples, which is no finalist's fault; the search's order will do.
                interruptions += 1
                self._baseline.suspect_device()
                ranked = interruptions == ATTEMPTS
        return None

    def _ranked(self, finalists: Sequence[Evaluation], budget: Budget, costs: FinalCosts) -> list[Evaluation]:
        """The finalists, the best first; the first two have been compared alone.

        Those that the budget has no time for keep the search's order, behind the others.
        Raises _FinalistError if one does not run.
        """
        fitting = costs.fitting(budget.left_s)
        finalists, others = finalists[:fitting], finalists[fitting:]
        if fitting < 2:
            return [*finalists, *others]
        self._baseline.ensure_loaded()
        named = {f"finalist {finalist.candidate.number}": finalist for finalist in finalists}
        runs: dict[str, int] = {}

        def sample_of(key: str) -> float:
            def one(finalist: Evaluation) -> float:
                sample_s = self._runner.time(key, runs[key], timeout_s=self._baseline.timeout_s(runs[key]))
                return sample_s * finalist.edge_slowdown

            return _of_finalist(named[key], one)

        for key, finalist in named.items():
            runs[key] = _of_finalist(finalist, partial(self._prepared, key))
        renew = renewing(self._runner)
        order = successive_halving(
            list(named),
            sample_of,
            self._rng,
            levels=costs.levels,
            keep=KEEP,
            before_round=renew,
            is_over=lambda: budget.left_s <= 0,
        )
        for key in order[2:]:
            self._runner.unload(key)
        duel_s = min(DUEL_S, budget.left_s)
        if costs.is_cheap and len(order) > 1 and duel_s > 0:
            order[:2] = faster_first(sample_of, order[0], order[1], self._rng, before_round=renew, budget_s=duel_s)
        for key in order[:2]:
            self._runner.unload(key)
        return [*(named[key] for key in order), *others]

    def _prepared(self, key: str, finalist: Evaluation) -> int:
        """Loads a finalist. Returns how many runs make a sample."""
        limit_s = self._baseline.timeout_s(1)
        self._runner.load(key, self._baseline.source(finalist.compilation))
        self._runner.time(key, 1, timeout_s=limit_s)
        return calibrate(self._runner, key, timeout_s=limit_s)

    def _against_default(self, finalist: Evaluation) -> Final:
        """Compares a finalist's outputs, then its time, with the default's; checks it harder if it would win.

        Raises _FinalistError.
        """
        self._baseline.ensure_loaded()
        seeds = (self._baseline.search_seed, *FINAL_SEEDS)
        verification = _of_finalist(finalist, partial(self._verified, seeds))
        paired = _of_finalist(finalist, self._timed)
        ratio = speedup(paired.baseline_s, paired.candidate_s)
        accepted = is_faster_anywhere(ratio, finalist.edge_slowdown, self._min_gain)
        final = Final(finalist, paired, ratio, verification, accepted, seeds)
        return self._checked_harder(final) if accepted and self._runner.device.may_race else final

    def _checked_harder(self, final: Final) -> Final:
        """The final with what a harder check of its finalist found. Raises _FinalistError."""
        finalist = final.evaluation
        found = _of_finalist(finalist, lambda _: scrutinise(self._baseline, self._budget))
        if found.failure:
            raise _FinalistError(finalist, Fate.WRONG_RESULT, found.failure)
        self._scrutinised(finalist, found)
        worst = max(final.verification, found.verification, key=lambda verification: verification.max_error)
        return replace(final, verification=worst, seeds=found.seeds, runs=found.runs, races=found.races)

    def _verified(self, seeds: Sequence[int], finalist: Evaluation) -> Verification:
        """The worst of the verifications, all of which passed."""
        limit_s = self._baseline.timeout_s(1)
        self._runner.load(CANDIDATE_KEY, self._baseline.source(finalist.compilation))
        found = []
        for seed in seeds:
            verification, _ = self._baseline.check(CANDIDATE_KEY, seed, timeout_s=limit_s)
            if not verification.passed:
                raise _FinalistError(finalist, Fate.WRONG_RESULT, f"on seed {seed}, {verification.detail}")
            found.append(verification)
        return max(found, key=lambda verification: verification.max_error)

    def _timed(self, _: Evaluation) -> Paired:
        """The loaded finalist beside the default, in interleaved rounds."""
        reported = False

        def decided(paired: Paired) -> bool:
            nonlocal reported
            ratio = speedup(paired.baseline_s, paired.candidate_s)
            if is_decided(ratio, self._min_gain):
                return True
            if not reported:
                reported = True
                rounds = len(paired.baseline_s)
                self._baseline.report(
                    f"not decided after {rounds} rounds against the default ({ratio}): measuring longer"
                )
            return False

        return paired_rounds(
            self._runner,
            DEFAULT_KEY,
            CANDIDATE_KEY,
            rng=self._rng,
            decided=decided,
            timeout_s=self._baseline.sample_timeout_s,
            budget_s=min(UNDECIDED_S, self._budget.left_s),
        )


def costs_of(baseline: Baseline, speedup: float) -> FinalCosts:
    """What a final takes if the best candidate is `speedup` times faster than the default."""
    seeds, runs = (len(HARD_SEEDS) + 1, RUNS) if baseline.runner.device.may_race else (0, 0)
    return FinalCosts(baseline.load_s, baseline.run_s, baseline.run_s / speedup, baseline.is_cheap, seeds, runs)


def _of_finalist(finalist: Evaluation, action: Callable[[Evaluation], T]) -> T:
    """Does something with a finalist. Raises _FinalistError if its program fails."""
    try:
        return action(finalist)
    except MeasurementError as error:
        raise _FinalistError(finalist, fate_of(error), str(error)) from error

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates candidates of one dispatch on one runner against the compiler's default: checked, timed, then the final."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tuner.dispatch import BenchmarkProgram
from tuner.errors import MeasurementError
from tuner.evaluate.baseline import CANDIDATE_KEY, CHEAP_SAMPLE_S, DEFAULT_KEY, TIMED_SEED, Baseline
from tuner.evaluate.budget import Budget
from tuner.evaluate.contest import Contest, costs_of
from tuner.evaluate.edges import edge_slowdown
from tuner.evaluate.failures import MOST_CHANCES, chances_after, fate_of
from tuner.evaluate.final import Final, at_edges
from tuner.evaluate.final_costs import FinalCosts
from tuner.evaluate.programs import CompiledDispatch, Subject
from tuner.evaluate.scrutiny import Scrutiny
from tuner.events import Disturbance, FinalistChecked, FinalistFailed, Listener, nobody
from tuner.measuring import Runner, Verification
from tuner.measuring.noise import NOISY, QUIET, typical_s
from tuner.measuring.sampling import sample
from tuner.outcome import Compilation, Evaluation, Fate

# Times the best time so far: above the first no more samples are taken, above the second as few as a median needs.
_GIVE_UP_FACTOR, _FEW_FACTOR = 1.5, 1.2


class DispatchBench:
    """The candidates of one dispatch, measured on one runner beside the default. `start` makes one."""

    def __init__(
        self, baseline: Baseline, default_edge_slowdown: float | None, dispatch: str, listen: Listener
    ) -> None:
        """`default_edge_slowdown`: the default's own, None if that could not be measured."""
        self._baseline = baseline
        self._runner = baseline.runner
        self._default_edge_slowdown = default_edge_slowdown
        self._dispatch = dispatch
        self._listen = listen
        self._best_s = float("inf")

    @staticmethod
    def start(
        runner: Runner,
        program: BenchmarkProgram,
        default: Compilation,
        *,
        dispatch: str = "",
        listen: Listener = nobody,
    ) -> DispatchBench:
        """Loads and times the default. `dispatch` is its name in the events that `listen` receives.

        Raises ToolError and DeviceLostError as `Baseline.start` does.
        """
        return DispatchBench.of(runner, CompiledDispatch(program), default, name=dispatch, listen=listen)

    @staticmethod
    def of(
        runner: Runner, subject: Subject, default: Compilation, *, name: str, listen: Listener = nobody
    ) -> DispatchBench:
        """As `start`, of any subject, which events call `name`."""
        baseline = Baseline.start(runner, subject, default, lambda text: listen(Disturbance(name, text)))
        slowdown = None
        # A default that needs what lies around its operands does not run between guard pages.
        with contextlib.suppress(MeasurementError):
            slowdown = edge_slowdown(runner, DEFAULT_KEY, baseline.time_s)
        return DispatchBench(baseline, slowdown, name, listen)

    @property
    def baseline_s(self) -> float:
        """Seconds of one run of the default: the median of its latest samples."""
        return self._baseline.time_s

    def sample_baseline(self) -> None:
        """As `Baseline.sample`."""
        self._baseline.sample()

    def rest(self) -> None:
        """Unloads everything, for another dispatch to be measured; what is needed is loaded again when it is needed."""
        self._baseline.unload()

    def default_evaluation(self) -> Evaluation:
        """Candidate 0: the compiler's own choice."""
        baseline = self._baseline
        return Evaluation(
            baseline.compilation,
            Fate.MEASURED,
            "",
            time_s=baseline.time_s,
            speedup=1.0,
            samples_s=baseline.samples_s,
        )

    def evaluate(self, compilation: Compilation) -> Evaluation:
        """Checks a candidate's output, then times it. Raises DeviceLostError if the default runs no longer."""
        ended = Evaluation(compilation, compilation.fate, compilation.detail)
        if compilation.fate is not Fate.COMPILED:
            return ended
        for chance in range(1, MOST_CHANCES + 1):
            self._baseline.ensure_loaded()
            if self._baseline.is_cheap:
                self._baseline.sample()
            try:
                verification, samples = self._checked_and_timed(compilation)
                if not verification.passed:
                    return replace(ended, fate=Fate.WRONG_RESULT, detail=verification.detail)
                sampled_s = typical_s(samples)
                slowdown = self._slowdown_beyond_defaults(sampled_s)
                break
            except MeasurementError as error:
                self._baseline.suspect_device()
                if chance >= chances_after(error):
                    # It is the candidate's fault only if the default still runs; otherwise the device is lost.
                    self._baseline.ensure_loaded()
                    return replace(ended, fate=fate_of(error), detail=str(error))
        time_s = sampled_s * slowdown
        self._best_s = min(self._best_s, time_s)
        return replace(
            ended,
            fate=Fate.MEASURED,
            detail="; ".join(filter(None, (compilation.detail, at_edges(slowdown)))),
            time_s=time_s,
            speedup=self.baseline_s / time_s,
            samples_s=tuple(samples),
            edge_slowdown=slowdown,
        )

    def final_costs(self, speedup: float) -> FinalCosts:
        """What a final takes if the best candidate is `speedup` times faster than the default."""
        return costs_of(self._baseline, speedup)

    def final(
        self,
        evaluations: Sequence[Evaluation],
        rng: np.random.Generator,
        min_gain: float,
        budget: Budget | None = None,
    ) -> Final | None:
        """Compares the best candidates with each other, then the best with the default, within `budget`.

        None if no candidate was measured, or all fail. A finalist that computes something else or fails to run is
        passed over, which `listen` receives. Raises DeviceLostError if the default runs no longer.
        """

        def passed_over(failed: Evaluation) -> None:
            self._listen(FinalistFailed(self._dispatch, failed))

        def scrutinised(finalist: Evaluation, found: Scrutiny) -> None:
            self._listen(FinalistChecked(self._dispatch, finalist.candidate.number, str(found)))

        return Contest(self._baseline, rng, min_gain, budget or Budget(), passed_over, scrutinised).run(evaluations)

    def _checked_and_timed(self, compilation: Compilation) -> tuple[Verification, list[float]]:
        """The verdict on a candidate's outputs, and its samples unless they are wrong. Raises MeasurementError."""
        limit_s, seed = self._baseline.timeout_s(1), self._baseline.search_seed
        self._runner.load(CANDIDATE_KEY, self._baseline.source(compilation))
        verification, first_s = self._baseline.check(CANDIDATE_KEY, seed, timeout_s=limit_s)
        if seed != TIMED_SEED:
            self._runner.fill(CANDIDATE_KEY, TIMED_SEED, timeout_s=limit_s)
        if not verification.passed:
            return verification, []
        return verification, sample(
            self._runner,
            CANDIDATE_KEY,
            first_s=first_s,
            timeout_s=limit_s,
            give_up_above_s=_GIVE_UP_FACTOR * self._best_s,
            few_above_s=_FEW_FACTOR * self._best_s,
            effort=NOISY if self._baseline.is_noisy else QUIET,
        )

    def _slowdown_beyond_defaults(self, time_s: float) -> float:
        """The loaded candidate's slowdown between guard pages, relative to the default's; 1.0 at least.

        It is not measured above `CHEAP_SAMPLE_S`: few of a long dispatch's reads are at the edges.
        Raises MeasurementError.
        """
        if self._default_edge_slowdown is None or time_s > CHEAP_SAMPLE_S:
            return 1.0
        return max(1.0, edge_slowdown(self._runner, CANDIDATE_KEY, time_s) / self._default_edge_slowdown)

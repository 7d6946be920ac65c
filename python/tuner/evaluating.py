# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates candidates of one dispatch against the compiler's default: check, then time, then the final."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.deciding import Ratio, is_decided, is_faster, speedup
from tuner.dispatch import BenchmarkProgram, Configuration, Problem
from tuner.errors import MeasurementError, ToolError
from tuner.measuring import (
    DispatchProgram,
    ProgramTimedOutError,
    Runner,
    Tolerance,
    Verification,
)
from tuner.measuring.halving import successive_halving
from tuner.measuring.sampling import Paired, calibrate, paired_rounds, sample
from tuner.outcome import Compilation, Evaluation, Fate

_DEFAULT = "default"
_CANDIDATE = "candidate"
_SEARCH_SEED = 1
_FINAL_SEEDS = (2, 3)
_BASELINE_SAMPLES = 3
_GIVE_UP_FACTOR = 1.5
_FINALISTS = 10
# Finalists are loaded together, each with data of its own.
_FINALIST_MEMORY_BYTES = 4 * 2**30
_FINAL_LEVELS = (3, 10)
_FINAL_KEEP = 0.3
# Where a sample of the default takes less than this, one is taken beside every candidate, else beside every batch.
_CHEAP_SAMPLE_S = 0.05
_DEFAULT_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Final:
    """The verdict on the best candidate: its ratio to the default by interleaved rounds, and its verification."""

    evaluation: Evaluation
    paired: Paired
    ratio: Ratio
    verification: Verification
    accepted: bool


class DispatchBench:
    """Measures the candidates of one dispatch, on one runner, beside the default."""

    def __init__(
        self,
        runner: Runner,
        program: BenchmarkProgram,
        problem: Problem,
        default: Compilation,
    ) -> None:
        """Loads and times the default. Raises ToolError where the default itself did not compile or run."""
        self._runner = runner
        self._program = program
        self._tolerance = Tolerance.of_sum(problem.operands[-1].element_type, problem.reduction_extent)
        self._default = default
        self._generation = -1
        self._baseline_s: deque[float] = deque(maxlen=5)
        self._runs = 1
        self._best_s = float("inf")
        if default.binary is None:
            raise ToolError(f"the compiler's own default does not compile ({default.detail}); see {default.log}")
        try:
            self._ensure_default(_DEFAULT_TIMEOUT_S)
            self._runs = calibrate(runner, _DEFAULT, timeout_s=_DEFAULT_TIMEOUT_S)
            for _ in range(_BASELINE_SAMPLES):
                self.sample_baseline(_DEFAULT_TIMEOUT_S)
        except MeasurementError as error:
            raise ToolError(f"the compiler's own default does not run: {error}") from error

    @property
    def baseline_s(self) -> float:
        """Seconds of one run of the default: the median of its latest samples."""
        return statistics.median(self._baseline_s)

    def sample_baseline(self, timeout_s: float | None = None) -> None:
        """Times the default once more, so that candidates are compared with a baseline of the same minute."""
        limit = timeout_s or self._timeout_s(self._runs)
        self._ensure_default(limit)
        self._baseline_s.append(self._runner.time(_DEFAULT, self._runs, timeout_s=limit))

    def default_evaluation(self) -> Evaluation:
        """Candidate 0: the compiler's own choice."""
        samples = tuple(self._baseline_s)
        return Evaluation(
            number=0,
            row=None,
            configuration=None,
            fate=Fate.MEASURED,
            detail="",
            compilation=self._default,
            time_s=self.baseline_s,
            speedup=1.0,
            samples_s=samples,
        )

    def evaluate(self, number: int, row: int, configuration: Configuration, compilation: Compilation) -> Evaluation:
        """Checks a candidate's output, then times it."""
        ended = Evaluation(number, row, configuration, compilation.fate, compilation.detail, compilation)
        if compilation.binary is None:
            return ended
        limit = self._timeout_s(1)
        try:
            self._ensure_default(_DEFAULT_TIMEOUT_S)
            if self.baseline_s * self._runs < _CHEAP_SAMPLE_S:
                self.sample_baseline()
            self._runner.load(_CANDIDATE, self._source(compilation))
            verification, first_s = self._runner.check(_CANDIDATE, _SEARCH_SEED, self._tolerance, timeout_s=limit)
            if not verification.passed:
                return replace(ended, fate=Fate.WRONG_RESULT, detail=verification.detail)
            samples = sample(
                self._runner,
                _CANDIDATE,
                first_s=first_s,
                timeout_s=limit,
                give_up_above_s=_GIVE_UP_FACTOR * self._best_s,
            )
        except ProgramTimedOutError as error:
            return replace(ended, fate=Fate.TIMED_OUT, detail=str(error))
        except MeasurementError as error:
            return replace(ended, fate=Fate.RUN_FAILED, detail=str(error))
        time_s = statistics.median(samples)
        self._best_s = min(self._best_s, time_s)
        return replace(
            ended,
            fate=Fate.MEASURED,
            time_s=time_s,
            speedup=self.baseline_s / time_s,
            samples_s=tuple(samples),
        )

    def final(self, evaluations: Sequence[Evaluation], rng: np.random.Generator, min_gain: float) -> Final | None:
        """Compares the best candidates with each other by successive halving, then the best with the default.

        None where no candidate was measured. A finalist that computes something else or fails to run is passed over.
        """
        measured = [each for each in evaluations if each.speedup is not None and each.row is not None]
        finalists = max(2, min(_FINALISTS, _FINALIST_MEMORY_BYTES // max(1, self._program.buffer_bytes)))
        ranked = sorted(measured, key=lambda each: -(each.speedup or 0.0))[:finalists]
        for finalist in self._by_halving(ranked, rng):
            try:
                return self._against_default(finalist, rng, min_gain)
            except MeasurementError:
                continue
        return None

    def _by_halving(self, finalists: Sequence[Evaluation], rng: np.random.Generator) -> list[Evaluation]:
        """The finalists, the best first; in the order of the search where one of them does not run."""
        runs: dict[str, int] = {}

        def sample_of(key: str) -> float:
            return self._runner.time(key, runs[key], timeout_s=self._timeout_s(runs[key]))

        named = {f"finalist {each.number}": each for each in finalists}
        try:
            for key, each in named.items():
                self._runner.load(key, self._source(each.compilation))
                self._runner.time(key, 1, timeout_s=self._timeout_s(1))
                runs[key] = calibrate(self._runner, key, timeout_s=self._timeout_s(1))
            order = successive_halving(list(named), sample_of, rng, levels=_FINAL_LEVELS, keep=_FINAL_KEEP)
            for key in named:
                self._runner.unload(key)
        except MeasurementError:
            return list(finalists)
        return [named[key] for key in order]

    def _against_default(self, finalist: Evaluation, rng: np.random.Generator, min_gain: float) -> Final:
        self._ensure_default(_DEFAULT_TIMEOUT_S)
        self._runner.load(_CANDIDATE, self._source(finalist.compilation))
        verification = Verification(True, 0.0)
        for seed in _FINAL_SEEDS:
            limit = self._timeout_s(1)
            self._runner.reference(_DEFAULT, seed, timeout_s=limit)
            seen, _ = self._runner.check(_CANDIDATE, seed, self._tolerance, timeout_s=limit)
            if not seen.passed:
                raise MeasurementError(f"wrong result on seed {seed}: {seen.detail}")
            verification = max(verification, seen, key=lambda each: each.max_error)

        def decided(paired: Paired) -> bool:
            return is_decided(speedup(paired.baseline_s, paired.candidate_s), min_gain)

        paired = paired_rounds(
            self._runner,
            _DEFAULT,
            _CANDIDATE,
            rng=rng,
            decided=decided,
            timeout_s=self._timeout_s(self._runs),
        )
        ratio = speedup(paired.baseline_s, paired.candidate_s)
        return Final(finalist, paired, ratio, verification, is_faster(ratio, min_gain))

    def _source(self, compilation: Compilation) -> DispatchProgram:
        if compilation.binary is None:
            raise MeasurementError(f"it has no binary: {compilation.detail}")
        program = self._program
        return DispatchProgram(
            compilation.binary,
            program.entry,
            program.buffer_setter,
            program.buffer_bytes,
            program.regions,
        )

    def _ensure_default(self, timeout_s: float) -> None:
        """Loads the default and makes the reference again where the runner's process is a fresh one."""
        if self._generation == self._runner.generation:
            return
        self._runner.load(_DEFAULT, self._source(self._default))
        self._runner.reference(_DEFAULT, _SEARCH_SEED, timeout_s=timeout_s)
        self._generation = self._runner.generation

    def _timeout_s(self, runs: int) -> float:
        """Ten times what the default takes, and a few seconds for data to be made and compared."""
        return 5.0 + 10.0 * self.baseline_s * runs

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates candidates of one dispatch against the compiler's default: check, then time, then the final."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from tuner.dispatch import BenchmarkProgram
from tuner.errors import MeasurementError, ToolError
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import Final, at_edges, finalists
from tuner.evaluate.final_costs import DUEL_S, KEEP, FinalCosts
from tuner.events import Disturbance, FinalistFailed, Listener, nobody
from tuner.measuring import (
    DispatchProgram,
    ProgramCrashedError,
    ProgramKilledError,
    ProgramTimedOutError,
    Runner,
    Tolerance,
    Verification,
)
from tuner.measuring.correctness import TOLD_UNCOMPARED, Sensitivity, step_of
from tuner.measuring.dispatch_data import EXACT_SEED
from tuner.measuring.dueling import faster_first
from tuner.measuring.halving import successive_halving
from tuner.measuring.noise import NOISY, QUIET, is_noisy, spread
from tuner.measuring.runner import lost
from tuner.measuring.sampling import UNDECIDED_S, Paired, calibrate, paired_rounds, renewing, sample
from tuner.measuring.transport import ATTEMPTS
from tuner.outcome import Compilation, Evaluation, Fate
from tuner.speedup import is_decided, is_faster_anywhere, speedup

_DEFAULT = "default"
_CANDIDATE = "candidate"
# Candidates are timed on this seed's data, and checked on it if their sums cannot be made exact.
_TIMED_SEED = 1
_FINAL_SEEDS = (2, 3)
_BASELINE_SAMPLES = 3
# So many times the best time: a candidate is not sampled on, or only as little as a median needs.
_GIVE_UP_FACTOR, _FEW_FACTOR = 1.5, 1.2
# Where a sample of the default takes less than this, one is taken beside every candidate, else beside every batch.
_CHEAP_SAMPLE_S = 0.05
_DEFAULT_TIMEOUT_S = 120.0
# So much slower beside guard pages is no noise, where each of so many pairs of samples of so many seconds says so.
_EDGE_SLOWDOWN, _EDGE_PAIRS, _EDGE_SAMPLE_S = 1.2, 3, 0.003
# Making, comparing and poisoning data is at least this fast.
_DATA_BYTES_PER_S = 1e8
# The baseline is the median of its latest samples, noise is judged by somewhat more.
_BASELINE_WINDOW, _NOISE_WINDOW = 5, 12
# One failure of what ran before, or one crash, may come from outside; two are a candidate's own. A process that is
# killed gets one chance more: the kernel may do it because the candidate takes all memory.
_CHANCES, _CHANCES_IF_KILLED = 2, 3

T = TypeVar("T")


def runnable(program: BenchmarkProgram, binary: Path, *, positive: bool = False) -> DispatchProgram:
    """A compilation of the program, for a runner to load; `positive`: run on positive data."""
    return DispatchProgram(
        binary,
        program.entry,
        program.buffer_setter,
        program.buffer_bytes,
        program.regions,
        program.arithmetic,
        positive,
    )


class _FinalistError(Exception):
    """A finalist came to another end than in the search."""

    def __init__(self, evaluation: Evaluation, fate: Fate, detail: str) -> None:
        super().__init__(detail)
        self.evaluation = replace(evaluation, fate=fate, detail=f"in the final: {detail}")


class DispatchBench:
    """Measures the candidates of one dispatch, on one runner, beside the default."""

    def __init__(
        self,
        runner: Runner,
        program: BenchmarkProgram,
        default: Compilation,
        *,
        dispatch: str = "",
        listen: Listener = nobody,
    ) -> None:
        """Loads and times the default. `dispatch` is the name by which `listen` hears of it.

        Raises ToolError if the default itself does not compile or run, or if nothing that it computes can be compared,
        DeviceLostError if nothing runs any more.
        """
        self._runner = runner
        self._program = program
        # By seed: on exact data outputs must be equal, on others they may differ by what was measured.
        self._tolerances: dict[int, tuple[Tolerance, ...]] = {EXACT_SEED: (Tolerance(),)}
        self._positive = False
        self._search_seed = EXACT_SEED if program.arithmetic.is_exact else _TIMED_SEED
        self._default = default
        self._dispatch = dispatch
        self._listen = listen
        self._generation = -1
        self._baseline_s: deque[float] = deque(maxlen=_NOISE_WINDOW)
        self._noisy = self._said_noisy = False
        self._runs = 1
        self._best_s = float("inf")
        self._default_edge_slowdown: float | None = None
        # By the wall: loading the default with its references, and a run of it.
        self._load_s = self._run_s = 0.0
        if default.binary is None:
            raise ToolError(f"the compiler's own default does not compile ({default.detail}); see {default.log}")
        for chance in range(_CHANCES):
            try:
                self._time_default()
                break
            except MeasurementError as error:
                runner.check_device()
                if not isinstance(error, ProgramCrashedError) or chance == _CHANCES - 1:
                    raise ToolError(f"the compiler's own default does not run: {error}") from error
        # A default that needs what lies around its operands cannot be compared without it.
        with contextlib.suppress(MeasurementError):
            self._default_edge_slowdown = self._edge_slowdown(_DEFAULT, self.baseline_s)

    def _time_default(self) -> None:
        """Loads the default, measures its tolerances and the first samples of its time. Raises MeasurementError."""
        started = time.perf_counter()
        self._load_default(_DEFAULT_TIMEOUT_S)
        self._load_s = time.perf_counter() - started
        self._measure_tolerances()
        self._runs = calibrate(self._runner, _DEFAULT, timeout_s=_DEFAULT_TIMEOUT_S)
        self._baseline_s.clear()
        started = time.perf_counter()
        for _ in range(_BASELINE_SAMPLES):
            self._baseline_s.append(self._runner.time(_DEFAULT, self._runs, timeout_s=_DEFAULT_TIMEOUT_S))
        self._run_s = (time.perf_counter() - started) / (_BASELINE_SAMPLES * self._runs)

    def _measure_tolerances(self) -> None:
        """How far correct outputs may be from the default's on random data."""
        step = step_of(self._program.arithmetic)
        found = self._runner.sensitivity(_DEFAULT, _TIMED_SEED, step, timeout_s=_DEFAULT_TIMEOUT_S)
        if _unfinite(found) > TOLD_UNCOMPARED and not self._positive:
            # Roots and logarithms of negative numbers: positive ones say more.
            self._positive = True
            self._suspect_device()
            self._load_default(_DEFAULT_TIMEOUT_S)
            self._measure_tolerances()
            return
        if _unfinite(found) == 1.0:
            raise ToolError("on random data its output is NaN or infinite everywhere: no candidate could be checked")
        if _unfinite(found) > TOLD_UNCOMPARED:
            part = f"{_unfinite(found):.0%} of an output"
            self._say(f"{part} is NaN or infinite on random data, and is compared by place alone")
        tolerances = tuple(Tolerance.of(each, step) for each in found)
        self._tolerances.update(dict.fromkeys((_TIMED_SEED, *_FINAL_SEEDS), tolerances))

    @property
    def baseline_s(self) -> float:
        """Seconds of one run of the default: the median of its latest samples."""
        return statistics.median(list(self._baseline_s)[-_BASELINE_WINDOW:])

    def sample_baseline(self) -> None:
        """Times the default once more, so that candidates are compared with a baseline of the same minute.

        Raises DeviceLostError where it no longer runs.
        """
        limit = self._timeout_s(self._runs)
        self._baseline_s.append(
            self._with_default(lambda: self._runner.time(_DEFAULT, self._runs, timeout_s=limit), limit)
        )
        self._noisy = is_noisy(self._baseline_s)
        if self._noisy and not self._said_noisy:
            self._said_noisy = True
            percent = f"{spread(self._baseline_s):.0%}"
            self._say(
                f"the machine is noisy (the default's samples spread by {percent}):"
                " candidates get more samples while it is"
            )

    def rest(self) -> None:
        """Unloads everything, for another dispatch to be measured; what is needed is loaded again when it is needed."""
        for key in (_DEFAULT, _CANDIDATE):
            self._runner.unload(key)
        self._generation = -1

    def default_evaluation(self) -> Evaluation:
        """Candidate 0: the compiler's own choice."""
        return Evaluation(
            self._default, Fate.MEASURED, "", time_s=self.baseline_s, speedup=1.0, samples_s=tuple(self._baseline_s)
        )

    def evaluate(self, compilation: Compilation) -> Evaluation:
        """Checks a candidate's output, then times it. Raises DeviceLostError where the default runs no longer."""
        ended = Evaluation(compilation, compilation.fate, compilation.detail)
        if compilation.binary is None:
            return ended
        for chance in range(1, _CHANCES_IF_KILLED + 1):
            self._with_default(lambda: None, self._timeout_s(1))
            if self._is_cheap:
                self.sample_baseline()
            try:
                verification, samples = self._checked_and_timed(compilation)
                if not verification.passed:
                    return replace(ended, fate=Fate.WRONG_RESULT, detail=verification.detail)
                time_s = statistics.median(samples)
                slowdown = self._slowdown_beyond_defaults(time_s)
                break
            except MeasurementError as error:
                self._suspect_device()
                if chance >= _chances_after(error):
                    # It is the candidate's fault only if the default still runs; otherwise the device is lost.
                    self._with_default(lambda: None, self._timeout_s(1))
                    return replace(ended, fate=_fate_of(error), detail=str(error))
        time_s *= slowdown
        self._best_s = min(self._best_s, time_s)
        return replace(
            ended,
            fate=Fate.MEASURED,
            detail="; ".join(filter(None, (compilation.detail, at_edges(slowdown)))),
            time_s=time_s,
            speedup=self.baseline_s / time_s,
            samples_s=tuple(samples),
        )

    def _checked_and_timed(self, compilation: Compilation) -> tuple[Verification, list[float]]:
        """The verdict on a candidate's outputs, and its samples unless they are wrong. Raises MeasurementError."""
        limit, seed = self._timeout_s(1), self._search_seed
        self._runner.load(_CANDIDATE, self._source(compilation))
        verification, first_s = self._runner.check(_CANDIDATE, seed, self._tolerances[seed], timeout_s=limit)
        if seed != _TIMED_SEED:
            self._runner.fill(_CANDIDATE, _TIMED_SEED, timeout_s=limit)
        if not verification.passed:
            return verification, []
        return verification, sample(
            self._runner,
            _CANDIDATE,
            first_s=first_s,
            timeout_s=limit,
            give_up_above_s=_GIVE_UP_FACTOR * self._best_s,
            few_above_s=_FEW_FACTOR * self._best_s,
            effort=NOISY if self._noisy else QUIET,
        )

    def _slowdown_beyond_defaults(self, time_s: float) -> float:
        """How many times slower the loaded candidate can be for what follows its operands, more than the default can.

        Of the reads of a long kernel few lie there, and it is not asked. Raises MeasurementError.
        """
        if self._default_edge_slowdown is None or time_s > _CHEAP_SAMPLE_S:
            return 1.0
        return max(1.0, self._edge_slowdown(_CANDIDATE, time_s) / self._default_edge_slowdown)

    def _edge_slowdown(self, key: str, time_s: float) -> float:
        """How many times slower a loaded program is beside guard pages; 1 where memory is not the host's."""
        if not self._runner.device.in_host_memory:
            return 1.0
        runs = math.ceil(_EDGE_SAMPLE_S / time_s)
        slowdown = self._runner.time_guarded(key, runs, timeout_s=_DEFAULT_TIMEOUT_S) / time_s
        for _ in range(_EDGE_PAIRS):
            if slowdown < _EDGE_SLOWDOWN:
                return 1.0
            # What else the machine does hits both of a pair.
            beside_s = self._runner.time(key, runs, timeout_s=_DEFAULT_TIMEOUT_S)
            guarded_s = self._runner.time_guarded(key, runs, timeout_s=_DEFAULT_TIMEOUT_S)
            slowdown = min(slowdown, guarded_s / beside_s)
        return slowdown if slowdown >= _EDGE_SLOWDOWN else 1.0

    def final_costs(self, speedup: float) -> FinalCosts:
        """What a final takes if the best candidate is so many times faster than the default."""
        return FinalCosts(self._load_s, self._run_s, self._run_s / speedup, self._is_cheap)

    def final(
        self,
        evaluations: Sequence[Evaluation],
        rng: np.random.Generator,
        min_gain: float,
        budget: Budget | None = None,
    ) -> Final | None:
        """Compares the best candidates with each other by successive halving, then the best with the default.

        Within a `budget` fewer of them are compared, and the rounds end with it, though never before the fewest that a
        verdict needs. None if no candidate was measured. A finalist that computes something else or fails to run is
        passed over, which is told. Raises DeviceLostError if the default runs no longer.
        """
        budget = budget or Budget()
        left = finalists(evaluations)
        failures: Counter[int] = Counter()
        interruptions = 0
        costs = self.final_costs(max((each.speedup or 1.0 for each in left), default=1.0))
        ranked = False
        while left:
            try:
                if not ranked:
                    left = self._ranked(left, rng, budget.less(costs.least_s), costs)
                    ranked = True
                return self._against_default(left[0], rng, min_gain, budget)
            except _FinalistError as error:
                failed = error.evaluation
                number = failed.candidate.number
                failures[number] += 1
                self._suspect_device()
                if failed.fate is Fate.WRONG_RESULT or failures[number] == _CHANCES:
                    left = [each for each in left if each.candidate.number != number]
                    self._listen(FinalistFailed(self._dispatch, failed))
            except MeasurementError:
                # The process died between samples, which is nobody's fault; the search's order will do.
                interruptions += 1
                self._suspect_device()
                ranked = interruptions == ATTEMPTS
        return None

    def _ranked(
        self, finalists: Sequence[Evaluation], rng: np.random.Generator, budget: Budget, costs: FinalCosts
    ) -> list[Evaluation]:
        """The finalists, the best first; the first two have faced one another alone.

        Those that the budget has no time for keep the search's order, behind the others.
        Raises _FinalistError if one does not run.
        """
        fitting = costs.fitting(budget.left_s)
        finalists, others = finalists[:fitting], finalists[fitting:]
        if fitting < 2:
            return [*finalists, *others]
        limit = self._timeout_s(1)
        self._with_default(lambda: None, limit)
        named = {f"finalist {each.candidate.number}": each for each in finalists}
        runs: dict[str, int] = {}

        def sample_of(key: str) -> float:
            def one(finalist: Evaluation) -> float:
                sample_s = self._runner.time(key, runs[key], timeout_s=self._timeout_s(runs[key]))
                return sample_s * finalist.edge_slowdown

            return self._of_finalist(named[key], one)

        for key, each in named.items():
            runs[key] = self._of_finalist(each, partial(self._prepared, key, limit))
        renew = renewing(self._runner)
        order = successive_halving(
            list(named),
            sample_of,
            rng,
            levels=costs.levels,
            keep=KEEP,
            before_round=renew,
            is_over=lambda: budget.left_s <= 0,
        )
        for key in order[2:]:
            self._runner.unload(key)
        duel_s = min(DUEL_S, budget.left_s)
        if costs.is_cheap and len(order) > 1 and duel_s > 0:
            order[:2] = faster_first(sample_of, order[0], order[1], rng, before_round=renew, budget_s=duel_s)
        for key in order[:2]:
            self._runner.unload(key)
        return [*(named[key] for key in order), *others]

    def _prepared(self, key: str, limit: float, finalist: Evaluation) -> int:
        """Loads a finalist and says how many runs make a sample."""
        self._runner.load(key, self._source(finalist.compilation))
        self._runner.time(key, 1, timeout_s=limit)
        return calibrate(self._runner, key, timeout_s=limit)

    def _against_default(
        self, finalist: Evaluation, rng: np.random.Generator, min_gain: float, budget: Budget
    ) -> Final:
        limit = self._timeout_s(1)
        self._with_default(lambda: None, limit)

        seeds = (self._search_seed, *_FINAL_SEEDS)

        def verify(finalist: Evaluation) -> Verification:
            self._runner.load(_CANDIDATE, self._source(finalist.compilation))
            seen = []
            for seed in seeds:
                self._runner.reference(_DEFAULT, seed, timeout_s=limit)
                verification, _ = self._runner.check(_CANDIDATE, seed, self._tolerances[seed], timeout_s=limit)
                if not verification.passed:
                    raise _FinalistError(finalist, Fate.WRONG_RESULT, f"on seed {seed}, {verification.detail}")
                seen.append(verification)
            return max(seen, key=lambda each: each.max_error)

        said = False

        def decided(paired: Paired) -> bool:
            nonlocal said
            ratio = speedup(paired.baseline_s, paired.candidate_s)
            if is_decided(ratio, min_gain):
                return True
            if not said:
                said = True
                rounds = len(paired.baseline_s)
                self._say(f"not decided after {rounds} rounds against the default ({ratio}): measuring longer")
            return False

        verification = self._of_finalist(finalist, verify)
        paired = self._of_finalist(
            finalist,
            lambda _: paired_rounds(
                self._runner,
                _DEFAULT,
                _CANDIDATE,
                rng=rng,
                decided=decided,
                timeout_s=self._timeout_s(self._runs),
                budget_s=min(UNDECIDED_S, budget.left_s),
            ),
        )
        ratio = speedup(paired.baseline_s, paired.candidate_s)
        accepted = is_faster_anywhere(ratio, finalist.edge_slowdown, min_gain)
        return Final(finalist, paired, ratio, verification, accepted, seeds)

    def _of_finalist(self, finalist: Evaluation, action: Callable[[Evaluation], T]) -> T:
        try:
            return action(finalist)
        except MeasurementError as error:
            raise _FinalistError(finalist, _fate_of(error), str(error)) from error

    def _source(self, compilation: Compilation) -> DispatchProgram:
        if compilation.binary is None:
            raise MeasurementError(f"it has no binary: {compilation.detail}")
        return runnable(self._program, compilation.binary, positive=self._positive)

    def _load_default(self, timeout_s: float) -> None:
        """Loads the default and makes the reference, unless the runner's process has them."""
        if self._generation == self._runner.generation:
            return
        self._runner.load(_DEFAULT, self._source(self._default))
        # The last one's data is what is timed.
        for seed in dict.fromkeys((self._search_seed, _TIMED_SEED)):
            self._runner.reference(_DEFAULT, seed, timeout_s=timeout_s)
        self._generation = self._runner.generation

    def _suspect_device(self) -> None:
        """After a failure the default is loaded and run again before anything else: it tells whose fault it was."""
        self._generation = -1

    def _with_default(self, action: Callable[[], T], timeout_s: float) -> T:
        """Does something while the default is loaded, again where the process dies: it may be killed from outside."""
        failure: MeasurementError | None = None
        for _ in range(ATTEMPTS):
            try:
                self._load_default(timeout_s)
                return action()
            except MeasurementError as error:
                self._runner.restart()
                failure = error
        device_lost = lost(self._runner.device, failure)
        self._say(str(device_lost))
        raise device_lost from failure

    def _say(self, text: str) -> None:
        self._listen(Disturbance(self._dispatch, text))

    @property
    def _is_cheap(self) -> bool:
        return self.baseline_s * self._runs < _CHEAP_SAMPLE_S

    def _timeout_s(self, runs: int) -> float:
        """Ten times what the default takes, and the seconds for data to be made and compared."""
        return 5.0 + self._program.buffer_bytes / _DATA_BYTES_PER_S + 10.0 * self.baseline_s * (runs + 1)


def _chances_after(error: MeasurementError) -> int:
    """How often a candidate may be run that ended so."""
    if isinstance(error, ProgramKilledError):
        return _CHANCES_IF_KILLED
    return _CHANCES if isinstance(error, ProgramCrashedError) else 1


def _unfinite(outputs: Sequence[Sensitivity]) -> float:
    """The largest part of an output that is not finite."""
    return max((each.unfinite for each in outputs), default=0.0)


def _fate_of(error: MeasurementError) -> Fate:
    return Fate.TIMED_OUT if isinstance(error, ProgramTimedOutError) else Fate.RUN_FAILED

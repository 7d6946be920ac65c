# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of one dispatch, batch by batch: ask, compile, check, time, tell; at its end the final."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from tuner import plugins
from tuner.compile.pool import CompileJob
from tuner.constraints import ConstraintError, Pool, explain_empty, find_pool
from tuner.errors import TunerError
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Benches
from tuner.evaluate.final import finalists, verdict_on
from tuner.events import CandidateEnded, Disturbance, Event, FinalistFailed, Note, PhaseStarted
from tuner.options import Options
from tuner.outcome import DEFAULT, Candidate, Compilation, Evaluation, Fate
from tuner.runs.store import Stored, subject_of
from tuner.search import Prior, Strategy
from tuner.search.models.expectation import Expectation
from tuner.stopwatch import Part
from tuner.targets import Limits
from tuner.tuning.plan import Task
from tuner.tuning.result import DispatchResult
from tuner.tuning.schedule import Standing
from tuner.tuning.workbench import Workbench

# Of a space that is too large to enumerate so many solutions are drawn for each trial, to choose among.
_SAMPLES_PER_TRIAL = 4


class NothingToSearchError(TunerError):
    """The space of a dispatch cannot be solved, or holds nothing. The message is the reason."""


def solve(task: Task, limits: Limits, options: Options) -> Pool:
    """What may be asked for. Raises NothingToSearchError."""
    try:
        space = task.builder.build(task.problem, limits)
        pool = find_pool(space, samples=_SAMPLES_PER_TRIAL * options.trials, rng=np.random.default_rng(options.seed))
    except ConstraintError as error:
        raise NothingToSearchError(f"not tunable: {task.space_name}: {error}") from error
    if not len(pool):
        reasons = "; ".join(explain_empty(space))
        raise NothingToSearchError(f"not tunable: {task.space_name} has no solution: {reasons}")
    return pool


class SearchTask:
    """One dispatch on its way. `start` it, `step` as often as it is worth it, then `finish`."""

    def __init__(self, bench: Workbench, task: Task, limits: Limits) -> None:
        """Solves the space. Raises NothingToSearchError."""
        self.task = task
        self._bench = bench
        options = bench.options
        with bench.watch.of(Part.SOLVING):
            self._pool = solve(task, limits, options)
        self._trials = min(options.trials, len(self._pool))
        self._rng = np.random.default_rng(options.seed)
        self._subject = subject_of(task.program)
        self._strategy: Strategy | None = None
        self._programs: Benches | None = None
        self._evaluations: list[Evaluation] = []
        self._best = [1.0]
        self._spent_s = 0.0
        self._default_s = 0.0
        self._is_exhausted = False

    def _earlier(self) -> Prior:
        """What candidates of an equal problem took under other compilers, by their place in the pool."""
        names = {knob.name for knob in self._pool.knobs}
        earlier = [each for each in self._bench.store.earlier(self.task.problem.key) if each[0].keys() == names]
        found = ((self._pool.find(point), time_s) for point, time_s in earlier)
        return {row: time_s for row, time_s in found if row is not None}

    @property
    def name(self) -> str:
        """The dispatch's name."""
        return self.task.dispatch.name

    @property
    def default_s(self) -> float:
        """Seconds that the default takes in one run of the model, all runs of the problem together."""
        return self._measured.baseline_s * self.task.runs

    @property
    def standing(self) -> Standing:
        """What the scheduler wants to know."""
        left = 0 if self._is_exhausted else self._trials - (len(self._best) - 1)
        return Standing(self.default_s, tuple(self._best), self._spent_s, left)

    @property
    def saving_s(self) -> float:
        """Seconds that the best candidate so far takes off one run of the model."""
        return self.default_s * (1 - 1 / max(self._best))

    @property
    def default_job(self) -> CompileJob:
        """Compiles the compiler's own choice."""
        return self._job(DEFAULT)

    def start(self, default: Compilation) -> None:
        """Times the default. Raises ToolError where it did not compile or does not run."""
        started = time.perf_counter()
        self._programs = Benches(
            self._bench.stations,
            self.task.program,
            default,
            dispatch=self.name,
            listen=self._record,
        )
        self._evaluations.append(self._ended(self._programs.default_evaluation()))
        self._default_s = default.seconds + time.perf_counter() - started

    @property
    def candidate_s(self) -> float:
        """The seconds that a candidate takes to be compiled and measured; before the first, what the default took."""
        tried = len(self._best) - 1
        return self._spent_s / tried if tried else self._default_s

    @property
    def least_final_s(self) -> float:
        """The seconds that the final takes at least."""
        return self._measured.final_costs(max(self._best)).least_s

    @property
    def wanted_final_s(self) -> float:
        """The seconds that the final takes if nothing shortens it, about."""
        return self._measured.final_costs(max(self._best)).wanted_s(len(finalists(self._evaluations)))

    def rest(self) -> None:
        """Leaves the measuring processes to another dispatch. The next step takes them back."""
        self._measured.rest()

    def announce(self) -> None:
        """Tells that candidates of this dispatch follow."""
        how = "configurations" if self._pool.is_exact else "drawn"
        self._bench.listen(
            PhaseStarted(f"{self.name}: {self._trials} of {len(self._pool)} {how}", self._trials),
        )
        if self._strategy is None:
            self._strategy = self._make_strategy()

    def _make_strategy(self) -> Strategy:
        """Not before this search begins: what earlier ones of the run measured counts."""
        make: type[Strategy] = plugins.load("tuner.strategies", self._bench.options.strategy)
        with self._bench.watch.of(Part.SOLVING):
            prior = self._earlier() or self._bench.experience.prior(self.task.problem, self._pool, self._rng)
            strategy = make(self._pool, self._rng, self._trials, prior)
        if isinstance(prior, Expectation):
            self._bench.listen(Note(f"{self.name}: {prior.learnt_from} timings of similar kernels say where to begin"))
        return strategy

    def step(self, batch: int) -> None:
        """Evaluates the next `batch` candidates; what the store knows is neither compiled nor measured again."""
        started = time.perf_counter()
        with self._bench.watch.of(Part.SOLVING):
            rows = self._searching.ask(min(batch, self.standing.left))
        self._is_exhausted = not rows
        candidates = [
            self.task.candidate(number, row, self._pool.point(row))
            for number, row in enumerate(rows, start=len(self._evaluations))
        ]
        stored = {candidate.number: self._stored(candidate) for candidate in candidates}
        new = [candidate for candidate in candidates if stored[candidate.number] is None]
        measured = self._measured.evaluate(self._bench.compilers.compile([self._job(candidate) for candidate in new]))
        ends: dict[int, Evaluation] = {}
        for row, candidate in zip(rows, candidates, strict=True):
            known = stored[candidate.number]
            if known is not None:
                ends[candidate.number] = self._again(candidate, known)
            while candidate.number not in ends:
                evaluation = next(measured)
                self._keep(evaluation)
                ends[evaluation.candidate.number] = evaluation
            # In the order asked, however many devices there are: what a seed asks next depends on it.
            self._note(row, ends[candidate.number], stored=known is not None)
        self._spent_s += time.perf_counter() - started

    def _note(self, row: int, evaluation: Evaluation, *, stored: bool) -> None:
        """Reports the end of a candidate to whatever depends on it."""
        self._best.append(max(self._best[-1], evaluation.speedup or 0.0))
        self._evaluations.append(self._ended(evaluation, stored=stored))
        # Strategies see times relative to a baseline of the same minute: drift is no signal.
        with self._bench.watch.of(Part.SOLVING):
            self._searching.tell(row, 1 / evaluation.speedup if evaluation.speedup else None)
        if evaluation.time_s is not None:
            self._bench.experience.add(self.task.problem.key, evaluation.candidate.point, evaluation.time_s)

    def _stored(self, candidate: Candidate) -> Stored | None:
        """How an earlier run ended this candidate, if one did."""
        return self._bench.store.find(self._subject, candidate.choice)

    def _keep(self, evaluation: Evaluation) -> None:
        """Keeps a candidate's end, at once, unless chance ended it."""
        if evaluation.compilation.by_chance:
            return
        candidate = evaluation.candidate
        self._bench.store.add(
            self._subject, candidate.choice, Stored.of(evaluation), self.task.problem.key, candidate.point
        )

    def _again(self, candidate: Candidate, stored: Stored) -> Evaluation:
        """A candidate as it ended before. It has no binary: the final compiles those that it needs."""
        fate = Fate.COMPILED if stored.time_s is not None else stored.fate
        compilation = Compilation(candidate, fate, stored.detail, stored.compile_s, self._job(candidate).log)
        return stored.evaluation(compilation)

    def finish(self, budget: Budget | None = None) -> DispatchResult:
        """The final, within a budget: the best candidates against each other, the best against the default."""
        min_gain = self._bench.options.min_gain
        self._bench.listen(PhaseStarted(f"{self.name}: best against default, interleaved"))
        self._compile_finalists()
        final = self._measured.final(self._evaluations, self._rng, min_gain, budget)
        return DispatchResult(self.task.dispatch, verdict_on(final, min_gain), tuple(self._evaluations), final)

    def give_up(self, reason: str) -> DispatchResult:
        """The result where there is no final: the default stays."""
        return DispatchResult(self.task.dispatch, reason, tuple(self._evaluations))

    def _compile_finalists(self) -> None:
        """Gives those that come into the final their binaries, where an earlier run measured them."""
        lacking = [each for each in finalists(self._evaluations) if each.compilation.binary is None]
        compilations = self._bench.compilers.compile([self._job(each.candidate) for each in lacking])
        for evaluation, compilation in zip(lacking, compilations, strict=True):
            self._evaluations[compilation.candidate.number] = replace(evaluation, compilation=compilation)

    @property
    def _searching(self) -> Strategy:
        if self._strategy is None:
            raise RuntimeError("the search was not announced")
        return self._strategy

    @property
    def _measured(self) -> Benches:
        if self._programs is None:
            raise RuntimeError("the search was not started")
        return self._programs

    def _job(self, candidate: Candidate) -> CompileJob:
        folder = self._bench.folder.path / "candidates" / self.name
        return CompileJob(
            program=self.task.program,
            identity=self.name,
            candidate=candidate,
            target=self._bench.target,
            binary=folder / f"{candidate.number}.vmfb",
            log=folder / f"{candidate.number}.log",
        )

    def _record(self, event: Event) -> None:
        """Into the log what is told of faults and noise, and on to whoever listens."""
        if isinstance(event, FinalistFailed | Disturbance):
            self._bench.folder.append(event.to_json())
        self._bench.listen(event)

    def _ended(self, evaluation: Evaluation, *, stored: bool = False) -> Evaluation:
        self._bench.folder.append({"dispatch": self.name, **evaluation.to_json()})
        self._bench.listen(CandidateEnded(self.name, evaluation, self._best[-1], stored))
        return evaluation

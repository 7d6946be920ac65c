# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of one dispatch: solved, then started, then searched batch by batch, at last the final.

A batch is asked for, compiled, checked and timed; the strategy learns its times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tuner.compile.pool import CompileJob
from tuner.constraints import ConstraintError, Pool, find_pool
from tuner.errors import TunerError
from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Benches
from tuner.evaluate.final import Final, finalists, verdict_on
from tuner.evaluate.final_costs import FINALISTS
from tuner.evaluate.order import in_order_of_measuring
from tuner.evaluate.twins import Twins
from tuner.events import CandidateEnded, Disturbance, Event, FinalistFailed, Note, PhaseStarted
from tuner.facts import read_facts
from tuner.options import Options
from tuner.outcome import DEFAULT, Candidate, Compilation, Evaluation, Fate
from tuner.rates.work import Work
from tuner.runs.store import Stored, subject_of
from tuner.search import NO_PRIOR, Prior, Strategy
from tuner.search.models.predicted import Predicted
from tuner.spaces.fixing import why_empty
from tuner.specs.stand_in import StandIn
from tuner.stopwatch import Part
from tuner.targets import Limits
from tuner.tuning.experience import Advisor
from tuner.tuning.plan import Task
from tuner.tuning.result import DispatchResult
from tuner.tuning.schedule import Standing
from tuner.tuning.workbench import Workbench

# Solutions drawn for each of `Options.trials`, for the strategy to choose from, if a space is too large to enumerate.
_SAMPLES_PER_TRIAL = 4


class NothingToSearchError(TunerError):
    """The space of a dispatch cannot be solved, or holds nothing. The message is the reason."""


def solve(task: Task, limits: Limits, options: Options) -> Pool:
    """The solutions of a dispatch's space. Raises NothingToSearchError."""
    try:
        space = task.builder.build(task.problem, limits)
        pool = find_pool(space, samples=_SAMPLES_PER_TRIAL * options.trials, rng=np.random.default_rng(options.seed))
    except ConstraintError as error:
        raise NothingToSearchError(f"not tunable: {task.space_name}: {error}") from error
    if not len(pool):
        reason = why_empty(task.builder, task.problem, limits)
        raise NothingToSearchError(f"not tunable: {task.space_name} has no solution: {reason}")
    return pool


@dataclass(frozen=True, slots=True)
class SolvedSearch:
    """A search whose space is solved and whose default waits to be compiled and timed."""

    bench: Workbench
    task: Task
    pool: Pool
    limits: Limits
    stand_in: StandIn | None = None

    @staticmethod
    def of(bench: Workbench, task: Task, limits: Limits, stand_in: StandIn | None = None) -> SolvedSearch:
        """Solves the space. `stand_in`: for a default that does not compile. Raises NothingToSearchError."""
        with bench.watch.of(Part.SOLVING):
            return SolvedSearch(bench, task, solve(task, limits, bench.options), limits, stand_in)

    @property
    def name(self) -> str:
        """The dispatch's name."""
        return self.task.dispatch.name

    @property
    def default_job(self) -> CompileJob:
        """Compiles the compiler's own choice, or what stands in for it."""
        return self.job(DEFAULT if self.stand_in is None else self.stand_in.candidate)

    def job(self, candidate: Candidate) -> CompileJob:
        """Compiles a candidate into the run's folder."""
        target = self.bench.target
        folder = self.bench.folder.path / "candidates" / self.name
        return CompileJob(
            program=self.task.program,
            identity=self.name,
            candidate=candidate,
            target=target,
            binary=folder / f"{candidate.number}.vmfb",
            log=folder / f"{candidate.number}.log",
            facts_for=target.machine_code_for if self.bench.options.facts or candidate.is_default else "",
        )


class DispatchSearch:
    """A search whose default is timed. `step` as often as it is worth it, then `finish` or `give_up`."""

    def __init__(self, solved: SolvedSearch, benches: Benches, default_took_s: float) -> None:
        """`start` makes one. `default_took_s`: seconds to compile and time the default."""
        options = solved.bench.options
        self.task = solved.task
        self._solved = solved
        self._bench = solved.bench
        self._pool = solved.pool
        self._benches = benches
        self._default_took_s = default_took_s
        # Configurations of specs, which are tried first. They need not be in the pool.
        self._starters = list(solved.bench.starters.get(solved.task.problem.key, ()))[: options.trials]
        self._trials = min(options.trials, len(solved.pool) + len(self._starters))
        self._rng = np.random.default_rng(options.seed)
        self._subject = subject_of(solved.task.program)
        self._kind: type[Strategy] = options.strategy_kind
        self._strategy: Strategy | None = None
        self._advisor = Advisor(solved.bench.experience, solved.task.problem, solved.pool)
        self._work = Work.of(solved.task.problem, solved.task.runs)
        self._asked: set[int] = set()
        # Rows that earlier runs tried, the fastest first: they cost nothing.
        self._known: list[int] = []
        # Rows that are tried before the strategy is asked again.
        self._queue: list[int] = []
        self._evaluations: list[Evaluation] = []
        self._twins = Twins()
        self._best = [1.0]
        # The best speed-up of a candidate, which may be below 1; None before the first was measured.
        self._fastest: float | None = None
        self._spent_s = 0.0
        self._is_exhausted = False

    @staticmethod
    def start(solved: SolvedSearch, default: Compilation) -> DispatchSearch:
        """Times the default. Raises ToolError if it did not compile or does not run."""
        bench = solved.bench

        def record(event: Event) -> None:
            if isinstance(event, FinalistFailed) and event.evaluation.fate is Fate.WRONG_RESULT:
                search._refute(event)
            else:
                _record(bench, event)

        started = bench.budget.clock()
        benches = Benches.start(bench.devices, solved.task.program, default, dispatch=solved.name, listen=record)
        search = DispatchSearch(solved, benches, default.seconds + bench.budget.clock() - started)
        if solved.stand_in is None:
            search._add(benches.default_evaluation())
        else:
            search._add_stand_in(solved.stand_in)
        return search

    @property
    def name(self) -> str:
        """The dispatch's name."""
        return self._solved.name

    @property
    def default_s(self) -> float:
        """Seconds that the default takes in one run of the model, all runs of the problem together."""
        return self._benches.baseline_s * self.task.runs

    @property
    def standing(self) -> Standing:
        """How far the search is."""
        left = 0 if self._is_exhausted else self._trials - (len(self._best) - 1)
        return Standing(
            self.default_s,
            tuple(self._best),
            self._spent_s,
            left,
            default_took_s=self._default_took_s,
            fastest=self._fastest,
            work=self._work,
            similar=tuple(self._advisor.speedups()),
            advised=self._advisor.promised() if self._is_advised else 1.0,
        )

    @property
    def saving_s(self) -> float:
        """Seconds that the best candidate so far takes off one run of the model."""
        return self.default_s * (1 - 1 / max(self._best))

    @property
    def best_s(self) -> float:
        """Seconds that the best candidate so far, or the default, takes in one run of the model."""
        return self.default_s - self.saving_s

    @property
    def finalists(self) -> list[Evaluation]:
        """The best candidates so far, the best first."""
        return finalists(self._contenders)

    @property
    def candidate_s(self) -> float:
        """The seconds that a candidate takes to be compiled and measured; before the first, what the default took."""
        tried = len(self._best) - 1
        return self._spent_s / tried if tried else self._default_took_s

    @property
    def least_final_s(self) -> float:
        """The seconds that the final takes at least."""
        return self._benches.final_costs(max(self._best)).least_s

    @property
    def wanted_final_s(self) -> float:
        """The seconds that the final takes if no budget shortens it, about."""
        wanted_s = self._benches.final_costs(max(self._best)).wanted_s(len(self.finalists))
        return min(wanted_s, self._longest_final_s)

    @property
    def _longest_final_s(self) -> float:
        return max(self._spent_s, self.least_final_s)

    @property
    def expected_final_s(self) -> float:
        """The seconds that the final takes if as many finalists as can be are as fast as the default, about."""
        return self._benches.final_costs(1.0).wanted_s(min(FINALISTS, self._trials))

    def rest(self) -> None:
        """Leaves the measuring processes to another dispatch. The next step takes them back."""
        self._benches.rest()

    def announce(self) -> None:
        """Reports that candidates of this dispatch follow."""
        how = "configurations" if self._pool.is_exact else "drawn"
        self._bench.listen(PhaseStarted(f"{self.name}: {self._trials} of {len(self._pool)} {how}", self._trials))

    def step(self, batch: int) -> None:
        """Evaluates the next `batch` candidates; what the store holds is neither compiled nor measured again."""
        # Not earlier: it learns from what the searches before this one measured.
        strategy = self._strategy = self._strategy or self._new_strategy()
        started = self._bench.budget.clock()
        with self._bench.watch.of(Part.SOLVING):
            candidates = self._next(strategy, min(batch, self.standing.left))
        self._is_exhausted = not candidates
        stored = {candidate.number: self._stored(candidate) for candidate in candidates}
        new = [candidate for candidate in candidates if stored[candidate.number] is None]
        compiled = self._bench.compilers.compile([self._solved.job(candidate) for candidate in new])
        measured = self._benches.evaluate(in_order_of_measuring(self._twins.without(compiled)))
        ends: dict[int, Evaluation] = {}
        ended = {end.candidate.number: end for end in compiled}
        # In the order asked, however many devices there are: what a seed asks next depends on it.
        for candidate in candidates:
            known = stored[candidate.number]
            if known is not None:
                ends[candidate.number] = self._again(candidate, known)
            elif (twin := self._twins.end_of(ended[candidate.number])) is not None:
                self._keep(twin)
                ends[candidate.number] = twin
            while candidate.number not in ends:
                evaluation = next(measured, None) or next(self._benches.evaluate([ended[candidate.number]]))
                self._keep(evaluation)
                self._twins.add(evaluation)
                ends[evaluation.candidate.number] = evaluation
            self._learn(strategy, ends[candidate.number], stored=known is not None)
        self._spent_s += self._bench.budget.clock() - started

    def _next(self, strategy: Strategy, count: int) -> list[Candidate]:
        """Up to `count` candidates: those of specs first."""
        first = len(self._evaluations)
        if self._starters:
            configurations, self._starters = self._starters[:count], self._starters[count:]
            return [Candidate(number, configuration=asked) for number, asked in enumerate(configurations, first)]
        rows = self._next_rows(strategy, count)
        return [self.task.candidate(number, row, self._pool.point(row)) for number, row in enumerate(rows, first)]

    def _next_rows(self, strategy: Strategy, count: int) -> list[int]:
        """Up to `count` rows. Before the first that no earlier run tried come all those that one did."""
        if not self._queue:
            asked = self._new_rows(strategy, count)
            known = [row for row in asked if row in self._known]
            if len(known) < len(asked):
                known += [row for row in self._known if row not in self._asked]
                self._asked.update(known)
            self._queue = known + [row for row in asked if row not in known]
        rows, self._queue = self._queue[:count], self._queue[count:]
        return rows

    def _new_rows(self, strategy: Strategy, count: int) -> list[int]:
        """Up to `count` rows: what similar dispatches advise, at most half, and what the strategy asks for."""
        advised = self._advisor.rows((count + 1) // 2) if self._is_advised else []
        rows = [row for row in advised if row not in self._asked]
        self._asked.update(rows)
        while len(rows) < count and (asked := strategy.ask(count - len(rows))):
            new = [row for row in asked if row not in self._asked]
            self._asked.update(new)
            rows += new
        return rows

    @property
    def _is_advised(self) -> bool:
        """False for a strategy whose questions do not depend on answers."""
        return getattr(self._kind, "learns", True)

    def finish(self, budget: Budget | None = None) -> DispatchResult:
        """The final: the best candidates against each other, the best against the default.

        It ends with the budget, and takes no longer than the search did.
        """
        min_gain = self._bench.options.min_gain
        self._bench.listen(PhaseStarted(f"final, best against default: {self.name}"))
        self._compile_finalists()
        budget = self._no_longer_than_search(budget or Budget())
        final = self._benches.final(self._contenders, self._rng, min_gain, budget)
        verdict = self._verdict(verdict_on(final, min_gain))
        return DispatchResult(self.task.dispatch, verdict, tuple(self._evaluations), self._final_with_facts(final))

    def against_default(self, evaluation: Evaluation, budget: Budget) -> DispatchResult:
        """The result if this candidate is the one that is compared with the default, after `finish`."""
        min_gain = self._bench.options.min_gain
        final = self._benches.final([self._evaluations[evaluation.candidate.number]], self._rng, min_gain, budget)
        verdict = self._verdict(verdict_on(final, min_gain))
        return DispatchResult(self.task.dispatch, verdict, tuple(self._evaluations), self._final_with_facts(final))

    def refuted(self, final: Final, fault: str) -> DispatchResult:
        """The result if the winner of a final turned out to be wrong: the default stays."""
        self._refute(FinalistFailed(self.name, final.evaluation.failed(Fate.WRONG_RESULT, fault)))
        verdict = self._verdict(f"the default stays: its best candidate is wrong ({fault})")
        return DispatchResult(self.task.dispatch, verdict, tuple(self._evaluations), replace(final, accepted=False))

    def _refute(self, failed: FinalistFailed) -> None:
        """A finalist is wrong that was kept as measured: the next run that knows it must not try it again."""
        self._keep(failed.evaluation, instead=True)
        _record(self._bench, failed)

    def _no_longer_than_search(self, budget: Budget) -> Budget:
        """At most the time of the search, if candidates were measured in it; but what a verdict takes at least."""
        if not any(end.compilation.binary is not None for end in self._contenders if not end.candidate.is_default):
            return budget
        clock = self._bench.budget.clock
        return Budget(min(budget.left_s, self._longest_final_s), clock(), clock)

    def give_up(self, reason: str) -> DispatchResult:
        """The result without a final: the default stays."""
        return DispatchResult(self.task.dispatch, self._verdict(reason), tuple(self._evaluations))

    def _verdict(self, verdict: str) -> str:
        """The verdict, and that the default is another candidate, if it is."""
        if self._solved.stand_in is None:
            return verdict
        number = self._solved.stand_in.candidate.number
        return f"{verdict}; candidate {number} stands in for the default, which does not compile"

    @property
    def _contenders(self) -> list[Evaluation]:
        """What may be in the final: not what it is compared with."""
        return self._evaluations if self._solved.stand_in is None else self._evaluations[2:]

    def _new_strategy(self) -> Strategy:
        expectation: Predicted | None = None
        with self._bench.watch.of(Part.SOLVING):
            prior = self._earlier()
            if not prior:
                expectation = self._bench.experience.expectation(self.task.problem, self._pool, self._rng)
                if expectation is None and self._is_advised:
                    expectation = self._known_elsewhere()
                prior = NO_PRIOR if expectation is None else expectation
            strategy = self._kind(self._pool, self._rng, self._trials, prior)
            self._known = self._tried() if self._is_advised else []
        if self._known:
            self._bench.listen(Note(f"{self.name}: {len(self._known)} of its candidates are known from earlier runs"))
        if expectation is not None:
            timings = f"{expectation.learnt_from} timings of similar dispatches"
            learnt = f"{timings} say" if expectation.learnt_from else "a formula says"
            sure = f" (sure to {expectation.sure:.0%})" if expectation.sure < 1.0 else ""
            self._bench.listen(Note(f"{self.name}: {learnt} where to start{sure}"))
        return strategy

    def _known_elsewhere(self) -> Predicted | None:
        """What records of other machines or the formula say of the pool."""
        solved, target = self._solved, self._bench.target.name
        return self._bench.knowledge.rank(self.task.problem, self._pool, solved.limits, target, self._rng)

    def _tried(self) -> list[int]:
        """Rows that had been tried when the run started, the fastest first, at most `Options.trials`.

        So a resumed run has the same, whatever it measured itself.
        """
        names = {knob.name for knob in self._pool.knobs}
        points = self._bench.store.tried(self._subject, self._bench.folder.began)
        found = (self._pool.find(point) for point in points if point.keys() == names)
        rows = dict.fromkeys(row for row in found if row is not None)
        known = (row for row in rows if self._stored(self.task.candidate(1, row, self._pool.point(row))) is not None)
        return list(islice(known, self._trials))

    def _earlier(self) -> Prior:
        """What candidates of an equal problem took under other compilers, by their place in the pool."""
        names = {knob.name for knob in self._pool.knobs}
        earlier = self._bench.store.earlier(self.task.problem.key)
        found = ((self._pool.find(point), time_s) for point, time_s in earlier if point.keys() == names)
        return {row: time_s for row, time_s in found if row is not None}

    def _learn(self, strategy: Strategy, evaluation: Evaluation, *, stored: bool) -> None:
        """Passes the end of a candidate to whatever depends on it."""
        self._best.append(max(self._best[-1], evaluation.speedup or 0.0))
        if evaluation.speedup:
            self._fastest = max(self._fastest or 0.0, evaluation.speedup)
        self._add(evaluation, stored=stored)
        row = evaluation.candidate.row
        if row is None:
            return
        # Strategies see times relative to a baseline of the same minute: drift is no signal.
        with self._bench.watch.of(Part.SOLVING):
            strategy.tell(row, 1 / evaluation.speedup if evaluation.speedup else None)
        if evaluation.time_s is not None:
            point, time_s = evaluation.candidate.point, evaluation.time_s
            self._bench.experience.add(self.task.problem.key, point, time_s, evaluation.speedup)

    def _stored(self, candidate: Candidate) -> Stored | None:
        """How an earlier run ended this candidate, if one did."""
        return self._bench.store.find(self._subject, candidate.choice)

    def _keep(self, evaluation: Evaluation, *, instead: bool = False) -> None:
        """Keeps a candidate's end, at once, unless chance ended it; `instead` of an earlier one, if there is any."""
        candidate = evaluation.candidate
        if not evaluation.compilation.by_chance:
            stored, key = Stored.of(evaluation), self.task.problem.key
            self._bench.store.add(self._subject, candidate.choice, stored, key, candidate.point, instead=instead)

    def _again(self, candidate: Candidate, stored: Stored) -> Evaluation:
        """A candidate as it ended before. It has no binary: the final compiles those that it needs."""
        fate = Fate.COMPILED if stored.time_s is not None else stored.fate
        log = self._solved.job(candidate).log
        compilation = Compilation(candidate, fate, stored.detail, stored.compile_s, log, facts=stored.facts)
        return stored.evaluation(compilation)

    def _compile_finalists(self) -> None:
        """Compiles finalists that an earlier run measured, which have no binary."""
        lacking = [finalist for finalist in self.finalists if finalist.compilation.binary is None]
        compiled = self._bench.compilers.compile([self._solved.job(finalist.candidate) for finalist in lacking])
        for finalist, compilation in zip(lacking, compiled, strict=True):
            self._evaluations[finalist.candidate.number] = replace(finalist, compilation=compilation)

    def _final_with_facts(self, final: Final | None) -> Final | None:
        if final is None or not final.accepted:
            return final
        return replace(final, evaluation=self._with_facts(final.evaluation))

    def _with_facts(self, winner: Evaluation) -> Evaluation:
        """The winner with all facts of its binary, which candidates lack because reading all of each takes too long."""
        compilation, chip = winner.compilation, self._bench.target.machine_code_for
        if not chip or compilation.binary is None or self._bench.options.facts:
            return winner
        return replace(winner, compilation=replace(compilation, facts=read_facts(compilation.binary, chip)))

    def _add_stand_in(self, stand_in: StandIn) -> None:
        """Adds the default, which does not compile, and the candidate that others are compared with in its place."""
        reason = f"it stands in for the default, which does not compile: {stand_in.reason}"
        failed = Compilation(DEFAULT, Fate.COMPILE_FAILED, stand_in.reason, 0.0, self._solved.job(DEFAULT).log)
        self._add(Evaluation(failed, failed.fate, failed.detail))
        self._best.append(1.0)
        self._fastest = 1.0
        self._spent_s = self._default_took_s
        if (row := self._pool.find(stand_in.candidate.point)) is not None:
            self._asked.add(row)
        self._add(replace(self._benches.default_evaluation(), detail=reason))

    def _add(self, evaluation: Evaluation, *, stored: bool = False) -> None:
        """Adds the end of a candidate to what the search has and to the run's log, and reports it."""
        self._evaluations.append(evaluation)
        self._bench.folder.append({"dispatch": self.name, **evaluation.to_json()})
        self._bench.listen(CandidateEnded(self.name, evaluation, self._best[-1], stored))


def _record(bench: Workbench, event: Event) -> None:
    """Passes an event on. What disturbs a search or a final is in the run's log too."""
    if isinstance(event, FinalistFailed | Disturbance):
        bench.folder.append(event.to_json())
    bench.listen(event)

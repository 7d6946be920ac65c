# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches the flags of the whole compilation: each choice is compiled, compared with the plain model, and timed."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner import plugins
from tuner.constraints import enumerate_space
from tuner.errors import InputError, MeasurementError, ToolError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.events import FlagsTried, Note, PhaseStarted
from tuner.measuring.runner import lost
from tuner.measuring.sampling import UNDECIDED_S, Paired, paired_rounds, sample
from tuner.measuring.transport import ATTEMPTS
from tuner.model_flags import DEFAULT, ModelFlags
from tuner.options import Options
from tuner.outcome import Fate
from tuner.runs.store import FLAGS, Stored, digest
from tuner.search import Strategy
from tuner.speedup import Ratio, is_decided, is_faster, speedup
from tuner.stopwatch import Part
from tuner.tuning.reserve import flags_s
from tuner.tuning.whole_model import MODEL_SEED, PlainModel, again_if_killed, load_plain
from tuner.tuning.workbench import Workbench

# Choices that are tried at most.
_MOST_TRIALS = 24
_PLAIN, _CANDIDATE = "plain model", "model with other flags"
# Times the best time so far: a choice that is slower gets no more samples.
_GIVE_UP_FACTOR = 1.5
# Times the plain model's compilation: one that takes longer is stopped when the budget ends.
_HANGS_FACTOR = 3
# Times that differ by a smaller part are taken for equal.
_NOISE = 0.015
# Choices that are compared with the plain model side by side, the best first, before the plain model stays.
_FINALISTS = 3


@dataclass(frozen=True, slots=True)
class FlagChoice:
    """What was chosen for the whole compilation: the knobs that are not at their default, and their flags.

    `ratio` compares the model compiled with them with the plain one; None if the defaults stay. `tried`: choices that
    were compiled.
    """

    values: Mapping[str, str]
    flags: tuple[str, ...]
    ratio: Ratio | None = None
    tried: int = 0

    @property
    def speedup(self) -> float | None:
        """How many times faster the model is with them, 1 if that was not measured; None without flags."""
        if not self.flags:
            return None
        return self.ratio.value if self.ratio else 1.0


def known_flags(target: str) -> ModelFlags | None:
    """The choices registered for a target, if any."""
    if target not in plugins.names("tuner.model_flags"):
        return None
    found: ModelFlags = plugins.load("tuner.model_flags", target)
    return found


def is_choice(target: str, flag: str) -> bool:
    """Whether a registered choice for the target sets this flag, to this value."""
    known = known_flags(target)
    return known is not None and known.has(flag)


@dataclass(frozen=True, slots=True)
class _Tried:
    values: dict[str, str]
    time_s: float


@dataclass(frozen=True, slots=True)
class _End:
    """How a choice ended: the seconds of a run, or None and why. It is certain unless others may be at fault."""

    time_s: float | None
    detail: str = ""
    is_certain: bool = True


def check_pins(target: str, options: Options) -> None:
    """Raises InputError for pins that name no choice."""
    known = known_flags(target)
    if known is not None:
        known.space(options.pins, options.flags)
    elif options.pins:
        raise InputError(f"there are no choices of flags for {target}; leave out --pin")


def _ranked(tried: Sequence[_Tried]) -> list[_Tried]:
    """The fastest first; of those that are equal but for noise, the one that changes least.

    Choices of one binary have its time: the one that changes least stands for them.
    """
    if not tried:
        return []
    least: dict[float, _Tried] = {}
    for choice in sorted(tried, key=_changes):
        least.setdefault(choice.time_s, choice)
    by_time = sorted(least.values(), key=lambda choice: choice.time_s)
    equal_s = (1 + _NOISE) * by_time[0].time_s
    fastest = [choice for choice in by_time if choice.time_s <= equal_s]
    return [*sorted(fastest, key=_changes), *by_time[len(fastest) :]]


def _changes(choice: _Tried) -> int:
    return len(choice.values)


def choose_flags(bench: Workbench, plain: PlainModel, budget: Budget, read_s: float) -> FlagChoice:
    """The fastest flags for the model, tuning specs left out; its outputs must be the plain model's.

    `budget`: the time for this and for dispatches. `read_s`: reading the dispatches that flags make.
    """
    known = known_flags(bench.target.name)
    if known is None:
        return FlagChoice({}, ())
    return _FlagSearch(bench, plain, known, budget, read_s).run()


@dataclass(frozen=True, slots=True)
class FlagPlan:
    """What a search of flags would do: the values of each knob, how many choices they make, how many would be tried.

    `choice_s`: seconds for one choice.
    """

    knobs: Mapping[str, tuple[str, ...]]
    choices: int
    trials: int
    choice_s: float


def plan_flags(target: str, options: Options, plain: PlainModel) -> FlagPlan | None:
    """What would be searched; None if the target has no such choices, or all are settled."""
    known = known_flags(target)
    if known is None:
        return None
    space = known.space(options.pins, options.flags)
    free = {knob.name for knob in space.knobs if len(knob.domain) > 1}
    if not free:
        return None
    choices = len(enumerate_space(space))
    choice_s = plain.costs.choice_s(options.compile_workers)
    beside_s = plain.costs.sampled_s + plain.costs.comparison_s()
    trials = _affordable(choices, Budget(options.budget_s).left_s, choice_s, beside_s)
    return FlagPlan({knob.name: knob.values for knob in known.knobs if knob.name in free}, choices, trials, choice_s)


def _affordable(choices: int, left_s: float, choice_s: float, beside_s: float) -> int:
    """As many choices as there are, or as the budget has time for. `beside_s`: what the search takes beside them."""
    time_s = flags_s(left_s, choice_s, beside_s) - beside_s
    return int(max(0, min(_MOST_TRIALS, choices, time_s / choice_s)))


class _FlagSearch:
    def __init__(self, bench: Workbench, plain: PlainModel, known: ModelFlags, budget: Budget, read_s: float) -> None:
        self._bench = bench
        self._plain = plain
        self._whole = budget
        self._read_s = read_s
        self._choice_s = plain.costs.choice_s(bench.options.compile_workers)
        self._budget = budget.part(flags_s(budget.left_s, self._choice_s, self._beside_s))
        self._known = known
        self._pins = dict(bench.options.pins)
        with bench.watch.of(Part.SOLVING):
            self._pool = enumerate_space(known.space(self._pins, bench.options.flags))
        self._folder = bench.folder.path / "flags"
        self._generation = -1
        self._store = bench.store
        self._subject = digest(plain.model.path.read_bytes(), repr(plain.model.flags), plain.program.allocator)
        # Seconds of a run, by the digest of the binary: many choices change nothing in a model.
        self._times_s: dict[str, float] = {}
        self._compiled: set[Path] = set()

    def _end_s(self, best_s: float | None = None) -> float:
        """What comes after them: the best, of which a run takes `best_s`, is compared and its dispatches are read."""
        return self._read_s + self._plain.costs.comparison_s(candidate_s=best_s)

    @property
    def _beside_s(self) -> float:
        """What comes before and after the choices."""
        return self._plain.costs.sampled_s + self._end_s()

    def run(self) -> FlagChoice:
        trials = self._trials()
        tried: list[_Tried] = []
        if trials > 0:
            self._folder.mkdir(exist_ok=True)
            self._bench.listen(PhaseStarted(f"flags of the whole model: {trials} of {len(self._pool)} choices", trials))
            tried = self._search(trials)
        for place, finalist in enumerate(_ranked(tried)[:_FINALISTS]):
            if place > 0 and self._budget.left_s < self._end_s(finalist.time_s):
                break
            ratio = self._against_plain(finalist)
            if ratio is not None:
                return FlagChoice(finalist.values, self._known.flags(finalist.values), ratio, len(tried))
        pinned = {name: value for name, value in self._pins.items() if value != DEFAULT}
        return FlagChoice(pinned, self._known.flags(pinned), tried=len(tried))

    def _trials(self) -> int:
        """As many as there are, or as the budget has time for."""
        if self._bench.options.keep_flags:
            return 0
        trials = _affordable(len(self._pool), self._whole.left_s, self._choice_s, self._beside_s)
        if trials < 1:
            needed_s, left_s = self._choice_s + self._beside_s, max(0.0, self._whole.left_s)
            self._bench.listen(
                Note(
                    f"The flags stay as they are: one choice and its comparison would take about {needed_s:.0f} s"
                    f" of the {left_s:.0f} s that are left for flags and dispatches"
                )
            )
        return trials

    def _search(self, trials: int) -> list[_Tried]:
        options = self._bench.options
        kind: type[Strategy] = plugins.load("tuner.strategies", options.strategy)
        strategy = kind(self._pool, np.random.default_rng(options.seed), trials)
        baseline_s = best_s = self._plain_s()
        self._remember(self._plain.program.binary, baseline_s)
        found: list[_Tried] = []
        asked = 0
        started = time.perf_counter()
        while (count := min(options.compile_workers, trials - asked, self._fitting(best_s))) > 0:
            with self._bench.watch.of(Part.SOLVING):
                rows = strategy.ask(count)
            if not rows:
                break
            choices = [self._known.chosen(self._pool.point(row)) for row in rows]
            known = [self._store.find(self._subject, values) for values in choices]
            new = [values for values, stored in zip(choices, known, strict=True) if values and stored is None]
            binaries = dict(zip(map(str, new), self._compile(new), strict=True))
            for row, values, stored in zip(rows, choices, known, strict=True):
                asked += 1
                end = _End(baseline_s, "")
                if stored is not None:
                    end = _End(stored.time_s, stored.detail)
                    self._remember(self._binary(values), stored.time_s)
                elif values:
                    end = self._new(values, binaries[str(values)], best_s, baseline_s)
                time_s, detail = end.time_s, end.detail
                strategy.tell(row, time_s)
                if time_s is not None and values:
                    found.append(_Tried(values, time_s))
                    best_s = min(best_s, time_s)
                tried = FlagsTried(asked, values, time_s, baseline_s / best_s, detail, stored is not None)
                self._bench.folder.append(tried.to_json())
                self._bench.listen(tried)
            self._choice_s = (time.perf_counter() - started) / asked
        return found

    def _fitting(self, best_s: float) -> int:
        """How many more choices there is time for, before the best of them is compared with the plain model."""
        left_s = self._budget.left_s - self._end_s(best_s)
        return _MOST_TRIALS if left_s >= _MOST_TRIALS * self._choice_s else math.floor(left_s / self._choice_s)

    def _new(self, values: dict[str, str], binary: Path | _End, best_s: float, baseline_s: float) -> _End:
        """As `_evaluate`, kept for other runs, unless it only came too late."""
        end = self._evaluate(binary, best_s)
        if end.time_s is not None or self._budget.left_s > 0:
            self._keep(values, end, baseline_s)
        return end

    def _keep(self, values: dict[str, str], end: _End, baseline_s: float) -> None:
        if end.is_certain:
            fate = Fate.MEASURED if end.time_s is not None else Fate.RUN_FAILED
            samples = (end.time_s,) if end.time_s is not None else ()
            speedup = baseline_s / end.time_s if end.time_s else None
            stored = Stored(fate, end.detail, 0.0, end.time_s, speedup, samples)
            self._store.add(self._subject, values, stored, FLAGS, values)

    def _compile(self, choices: Sequence[dict[str, str]]) -> list[Path | _End]:
        """The binary of each choice, or why there is none. When it returns nothing compiles any more."""

        # Whatever compiles longer than what is left has come too late, unless so little is left that all would.
        limit_s = max(self._budget.left_s, _HANGS_FACTOR * self._plain.costs.unthreaded_s)

        def one(values: dict[str, str]) -> Path | _End:
            binary = self._binary(values)
            if binary in self._compiled:
                return binary
            try:
                model = self._plain.model.with_flags(*self._known.flags(values))
                result = model.compile(binary, timeout_s=limit_s)
            except ToolError as error:
                return _End(None, str(error), is_certain=False)
            if result.exit_code == 0:
                return binary
            return _End(None, f"it does not compile: {result.first_error}", is_certain=result.exit_code > 0)

        if not choices:
            return []
        with ThreadPoolExecutor(len(choices)) as threads:
            ends = list(threads.map(one, choices))
        self._compiled.update(end for end in ends if isinstance(end, Path))
        return ends

    def _binary(self, values: Mapping[str, str]) -> Path:
        return self._folder / f"{'-'.join(f'{name}-{value}' for name, value in values.items())}.vmfb"

    def _remember(self, binary: Path, time_s: float | None) -> None:
        """Takes `time_s` for every choice that makes the same binary, if the file still exists."""
        if time_s is not None and binary.exists():
            self._times_s.setdefault(digest(binary.read_bytes()), time_s)

    def _evaluate(self, binary: Path | _End, best_s: float) -> _End:
        """Measures a choice unless another one made the same binary."""
        if isinstance(binary, _End):
            return binary
        known_s = self._times_s.get(digest(binary.read_bytes()))
        if known_s is not None:
            return _End(known_s)
        end = self._measure(binary, best_s)
        self._remember(binary, end.time_s)
        return end

    def _measure(self, binary: Path, best_s: float) -> _End:
        """The median seconds of a run, or why there are none."""
        runner, limit, give_up_s = self._bench.runner, self._plain.timeout_s, _GIVE_UP_FACTOR * best_s

        def samples() -> list[float]:
            self._load_plain()
            first_s = self._check(binary)
            return sample(runner, _CANDIDATE, first_s=first_s, timeout_s=limit, give_up_above_s=give_up_s)

        try:
            return _End(statistics.median(again_if_killed(samples)))
        except WrongOutputError as error:
            return _End(None, str(error))
        except MeasurementError as error:
            runner.check_device()
            return _End(None, str(error), is_certain=False)

    def _check(self, binary: Path) -> float:
        """Loads a choice and compares its outputs with the plain model's. Raises MeasurementError."""
        runner, plain = self._bench.runner, self._plain
        limit_s = plain.timeout_within_s(self._budget)
        runner.load(_CANDIDATE, replace(plain.program, binary=binary))
        verification, first_s = runner.check(_CANDIDATE, MODEL_SEED, plain.tolerances, timeout_s=limit_s)
        if not verification.passed:
            raise WrongOutputError(f"it computes something else: {verification.detail}")
        return first_s

    def _against_plain(self, tried: _Tried) -> Ratio | None:
        """The speed-up over the plain model by interleaved rounds, or None if there is none."""
        runner, min_gain = self._bench.runner, self._bench.options.min_gain

        def decided(paired: Paired) -> bool:
            return is_decided(speedup(paired.baseline_s, paired.candidate_s), min_gain)

        (binary,) = self._compile([tried.values])
        if isinstance(binary, _End):
            return None

        def rounds() -> Paired:
            self._load_plain()
            self._check(binary)
            rng = np.random.default_rng(self._bench.options.seed)
            return paired_rounds(
                runner,
                _PLAIN,
                _CANDIDATE,
                rng=rng,
                decided=decided,
                timeout_s=self._plain.timeout_s,
                budget_s=min(UNDECIDED_S, self._budget.left_s - self._read_s),
            )

        try:
            paired = again_if_killed(rounds)
        except WrongOutputError:
            return None
        except MeasurementError:
            runner.check_device()
            return None
        finally:
            with contextlib.suppress(MeasurementError):
                runner.unload(_CANDIDATE)
        ratio = speedup(paired.baseline_s, paired.candidate_s)
        return ratio if is_faster(ratio, min_gain) else None

    def _plain_s(self) -> float:
        """The median seconds of a run of the plain model. Raises DeviceLostError if it does not run."""
        runner, limit = self._bench.runner, self._plain.timeout_s
        failure: MeasurementError | None = None
        for _ in range(ATTEMPTS):
            try:
                self._load_plain()
                first_s = runner.time(_PLAIN, 1, timeout_s=limit)
                return statistics.median(
                    sample(runner, _PLAIN, first_s=first_s, timeout_s=limit, give_up_above_s=math.inf)
                )
            except MeasurementError as error:
                # Its process may have been killed from outside.
                runner.restart()
                failure = error
        raise lost(runner.device, failure) from failure

    def _load_plain(self) -> None:
        """Loads the plain model and its outputs, unless the measuring process has them."""
        runner = self._bench.runner
        if self._generation == runner.generation:
            return
        load_plain(self._plain, _PLAIN, runner)
        self._generation = runner.generation

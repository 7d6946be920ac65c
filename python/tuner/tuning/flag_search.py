# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches the flags of the whole compilation: what other models lead to expect is tried first, the best is proved."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.dispatch import Dispatch
from tuner.dispatches.op_mix import has_convolutions, op_mix
from tuner.errors import InputError
from tuner.evaluate.budget import Budget
from tuner.events import FlagsTried, Note, PhaseStarted
from tuner.measuring import FunctionProgram
from tuner.model_flags import DEFAULT, ModelFlags
from tuner.model_flags.expectation import Expectation, items_of
from tuner.model_flags.gains import MeasuredModel, read_gains
from tuner.model_flags.order import FlagOrder
from tuner.specs.stand_in import StandIn
from tuner.speedup import Ratio, is_faster
from tuner.stopwatch import Part
from tuner.tuning.flag_plan import MOST_TRIALS, FlagTimes, at_once, count_choices, known_flags, space_of
from tuner.tuning.flag_trials import FlagTrials
from tuner.tuning.reserve import flags_s
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench

# Times that differ by a smaller part are taken for equal.
_NOISE = 0.015
# A choice that makes other ops of products and convolutions may overtake the best one when its dispatches are tuned,
# unless it takes this many times as long. One product takes 13 times as long by default as it does tuned.
_RIVAL_FACTOR = 16.0
# Choices that are compared with the plain model side by side: the best ones. The first always has the time for it, the
# others if they need less than this part of the time for flags.
_FINALISTS, _FINAL_PART = 3, 0.2


@dataclass(frozen=True, slots=True)
class FlagChoice:
    """What was chosen for the whole compilation: the knobs that are not at their default, and their flags.

    `flags` also hold repairs, without which the model does not compile with the others. Nor does it without the late
    entries of `stand_ins`. `ratio` compares the model compiled with all that with the plain one; None if the defaults
    stay. `tried`: choices that were compiled. `run_s`: seconds of a run with them, and `binary` the model compiled with
    them, None if that was not measured. `rival`: a slower choice that may be faster when the dispatches are tuned.
    `right`: the model with a choice that makes it right, if the plain model is wrong.
    """

    values: Mapping[str, str]
    flags: tuple[str, ...]
    ratio: Ratio | None = None
    tried: int = 0
    run_s: float | None = None
    binary: Path | None = None
    rival: FlagChoice | None = None
    stand_ins: tuple[StandIn, ...] = ()
    right: FunctionProgram | None = None

    @property
    def name(self) -> str:
        """The values for people."""
        return " ".join(f"{name}={value}" for name, value in self.values.items()) or "the default flags"

    @property
    def speedup(self) -> float | None:
        """How many times faster the model is with them, 1 if that was not measured; None without flags."""
        if not self.flags:
            return None
        return self.ratio.value if self.ratio else 1.0


@dataclass(frozen=True, slots=True)
class _Tried:
    values: dict[str, str]
    time_s: float

    @property
    def changes(self) -> int:
        """How many knobs are not at their default."""
        return len(self.values)


def _ranked(tried: Sequence[_Tried]) -> list[_Tried]:
    """The fastest first; of those that are equal but for noise, the one that changes least.

    Choices of one binary have its time: the one that changes least stands for them.
    """
    if not tried:
        return []
    least: dict[float, _Tried] = {}
    for choice in sorted(tried, key=lambda choice: choice.changes):
        least.setdefault(choice.time_s, choice)
    by_time = sorted(least.values(), key=lambda choice: choice.time_s)
    equal_s = (1 + _NOISE) * by_time[0].time_s
    fastest = [choice for choice in by_time if choice.time_s <= equal_s]
    return [*sorted(fastest, key=lambda choice: choice.changes), *by_time[len(fastest) :]]


def choose_flags(
    bench: Workbench,
    plain: PlainModel,
    dispatches: Sequence[Dispatch],
    budget: Budget,
    read_s: float,
    held: Mapping[str, str] | None = None,
    at_most: int = MOST_TRIALS,
) -> FlagChoice:
    """The fastest flags for the model, tuning specs left out; its outputs must be the plain model's.

    `dispatches`: the plain model's. `budget`: the time for this and for dispatches. `read_s`: reading the dispatches
    that flags make. `held`: choices that the plain model was compiled with, and that are pinned. `at_most`: choices
    that are tried.
    """
    known = known_flags(bench.target.name)
    if known is None:
        return FlagChoice({}, ())
    return _FlagSearch(bench, plain, known, dispatches, budget, read_s, held or {}, at_most).run()


@dataclass(frozen=True, slots=True)
class Promise:
    """The choice that is tried first, by what flags gave on models of like op mix, and the speed-up expected of it.

    Without values, and 1, if nothing is known or no flags are to be chosen.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    speedup: float = 1.0


def promise(bench: Workbench, dispatches: Sequence[Dispatch]) -> Promise:
    """What flags promise for a model of these dispatches."""
    known = known_flags(bench.target.name)
    if known is None or known.gains is None or bench.options.keep_flags or bench.options.dispatches:
        return Promise()
    mix = op_mix(dispatches)
    try:
        expectation = Expectation(mix, read_gains(known.gains))
    except InputError:
        return Promise()
    space = space_of(known, bench.options, convolutions=has_convolutions(mix))
    first = FlagOrder(known, space, expectation).ask(1)
    gains = expectation.of([items_of(values) for values in first]).gain
    return Promise(first[0] if first else {}, max([1.0, *(math.exp(gain) for gain in gains)]))


class _FlagSearch:
    def __init__(
        self,
        bench: Workbench,
        plain: PlainModel,
        known: ModelFlags,
        dispatches: Sequence[Dispatch],
        budget: Budget,
        read_s: float,
        held: Mapping[str, str],
        at_most: int,
    ) -> None:
        self._at_most = at_most
        self._bench = bench
        self._plain = plain
        self._known = known
        self._whole = budget
        self._read_s = read_s
        self._held = held
        self._times = FlagTimes.of(plain, bench.options, read_s)
        self._choice_s = self._times.choice_s
        self._flags_s = flags_s(budget.left_s, self._choice_s, self._times.beside_s)
        self._budget = budget.part(self._flags_s)
        self._pins = {name: value for name, value in bench.options.pins.items() if value != DEFAULT}
        with bench.watch.of(Part.SOLVING):
            mix = op_mix(dispatches)
            self._space = space_of(known, bench.options, convolutions=has_convolutions(mix))
            expectation = Expectation(mix, self._measured_models())
            self._order = FlagOrder(known, self._space, expectation)
        self._trials = FlagTrials(bench, plain, known, self._budget)
        self._baseline_s: float | None = None

    def _end_s(self, *best_s: float | None) -> float:
        """What comes after them: choices that take `best_s` are compared and the dispatches of the best are read."""
        return self._read_s + sum(self._plain.costs.comparison_s(candidate_s=one_s) for one_s in best_s or (None,))

    def run(self) -> FlagChoice:
        choices, tried = self._affordable(), list[_Tried]()
        if choices > 0:
            total = count_choices(self._space)
            self._bench.listen(PhaseStarted(f"flags of the whole model: {choices} of {total:,} choices", choices))
            tried = self._search(choices, min(total, self._at_most))
        best = self._final(tried)
        values, ratio = (self._pins, None) if best is None else (best[0].values, best[1])
        choice = self._choice(values, ratio)
        for words in self._trials.mended(values).words:
            self._bench.listen(Note(f"The chosen flags are {words}"))
        return replace(choice, tried=len(tried), rival=self._rival(choice, tried), right=self._trials.right)

    def _choice(self, values: dict[str, str], ratio: Ratio | None) -> FlagChoice:
        """A choice with its flags, repairs included."""
        mended = self._trials.mended(values)
        flags = (*self._known.flags(values), *(flag for repair in mended.repairs for flag in repair.flags))
        run_s = self._baseline_s and self._baseline_s / (ratio.value if ratio else 1.0)
        binary = self._trials.binary_of(values)
        kept = binary if values and binary.exists() else None
        return FlagChoice(values, flags, ratio, run_s=run_s, binary=kept, stand_ins=mended.stand_ins)

    def _rival(self, best: FlagChoice, tried: Sequence[_Tried]) -> FlagChoice | None:
        """The fastest choice that makes other ops of products and convolutions, unless it is far behind."""
        if self._baseline_s is None or best.run_s is None or self._at_most < MOST_TRIALS or self._bench.stop():
            return None
        remade, limit_s = self._known.remade(best.values), _RIVAL_FACTOR * best.run_s
        plain = _Tried(self._pins, self._baseline_s)
        # Choices of one binary have one time: what has the time of a choice that makes the same ops makes them too.
        same_s = {one.time_s for one in (plain, *tried) if self._known.remade(one.values) == remade}
        others = [
            one
            for one in (*(() if self._trials.right else (plain,)), *tried)
            if one.time_s < limit_s and one.time_s not in same_s and self._known.remade(one.values) != remade
        ]
        if not others:
            return None
        rival = _ranked(others)[0]
        if rival is plain:
            return self._choice(rival.values, None)
        if self._budget.left_s < self._end_s(rival.time_s):
            return None
        ratio = self._trials.against(rival.values, {}, self._read_s)
        return None if ratio is None else self._choice(rival.values, ratio)

    def _measured_models(self) -> tuple[MeasuredModel, ...]:
        """Those of the target; without them choices are tried in a fixed order."""
        if self._known.gains is None:
            return ()
        try:
            return read_gains(self._known.gains)
        except InputError as error:
            self._bench.listen(Note(f"Flags are tried in a fixed order: {error}"))
            return ()

    def _affordable(self) -> int:
        """As many as there are, or as the budget has time for."""
        if self._bench.options.keep_flags or self._bench.stop():
            return 0
        there_are = count_choices(self._space)
        choices = min(self._times.affordable(there_are, self._whole.left_s), self._at_most)
        if choices < 1 <= there_are:
            needed_s, left_s = self._times.choice_s + self._times.beside_s, max(0.0, self._whole.left_s)
            self._bench.listen(
                Note(
                    f"The flags stay as they are: one choice and its comparison would take about {needed_s:.0f} s"
                    f" of the {left_s:.0f} s that are left for flags and dispatches"
                )
            )
        return choices

    def _search(self, expected: int, most: int) -> list[_Tried]:
        """Tries as many as are `expected`, and up to `most` if they take less time than was expected."""
        baseline_s = best_s = self._baseline_s = self._trials.time_plain(self._held)
        found: list[_Tried] = []
        asked, right = 0, self._trials.right
        started = time.perf_counter()
        while True:
            ahead = (expected if asked < expected else most) - asked
            if (count := min(at_once(self._bench.options), ahead, self._fitting(best_s))) <= 0:
                break
            if asked == expected:
                self._bench.listen(PhaseStarted("further flags, since these took less time than was expected"))
            with self._bench.watch.of(Part.SOLVING):
                choices = self._order.ask(count)
            if not choices or self._bench.stop():
                break
            for values, end in zip(choices, self._trials.of(choices, best_s), strict=True):
                asked += 1
                self._order.tell(values, end.speedup, end.binary)
                if self._trials.right is not right:
                    # What was measured before agreed with a wrong model.
                    right, found, best_s = self._trials.right, [], baseline_s
                if end.time_s is not None:
                    found.append(_Tried(values, end.time_s))
                    best_s = min(best_s, end.time_s)
                tried = FlagsTried(asked, values, end.time_s, baseline_s / best_s, end.detail, end.is_stored)
                self._bench.folder.append(tried.to_json())
                self._bench.listen(tried)
            self._choice_s = (time.perf_counter() - started) / asked
        return found

    def _fitting(self, best_s: float) -> int:
        """How many more choices there is time for, before the best of them are compared with the plain model."""
        one_s = self._plain.costs.comparison_s(candidate_s=best_s)
        final_s = max(one_s, min(_FINALISTS * one_s, _FINAL_PART * self._flags_s))
        left_s = self._budget.left_s - self._read_s - final_s
        return MOST_TRIALS if left_s >= MOST_TRIALS * self._choice_s else math.floor(left_s / self._choice_s)

    def _final(self, tried: Sequence[_Tried]) -> tuple[_Tried, Ratio] | None:
        """The best of the finalists, with its speed-up over the plain model; None if none is faster than a right one.

        Joint choices must not be slower than the best single one.
        """
        compared: dict[int, tuple[_Tried, Ratio]] = {}
        ranked, right = _ranked(tried), self._trials.right
        if ranked:
            self._bench.listen(PhaseStarted("the best flags against the untuned model"))
        for place, finalist in enumerate(ranked[:_FINALISTS]):
            if place > 0 and (self._bench.stop() or self._budget.left_s < self._end_s(finalist.time_s)):
                break
            ratio = self._trials.against(finalist.values, {}, self._read_s)
            if ratio is not None and (self._trials.right or is_faster(ratio, self._bench.options.min_gain)):
                compared[place] = finalist, ratio
        if self._trials.right is not right:
            # Those before agreed with a wrong model.
            return self._final(tried)
        if not compared:
            return None
        highest = max((ratio for _, ratio in compared.values()), key=lambda ratio: ratio.value)
        least = min(highest.low, (1 - _NOISE) * highest.value)
        equal = [entry for entry in compared.values() if entry[1].high >= least]
        best = min(equal, key=lambda entry: entry[0].changes)
        single = next((place for place, choice in enumerate(ranked) if self._is_single(choice)), None)
        if single is None or self._is_single(best[0]):
            return best
        if single in compared and best[1].low > compared[single][1].high:
            return best
        return self._not_slower(best, ranked[single], compared.get(single))

    def _not_slower(
        self, best: tuple[_Tried, Ratio], single: _Tried, compared: tuple[_Tried, Ratio] | None
    ) -> tuple[_Tried, Ratio]:
        """The best, unless the single choice is shown to be faster side by side. `compared`: its final, if it had one.

        Without time for it the samples of the search count.
        """
        if self._budget.left_s < self._end_s(best[0].time_s, single.time_s):
            return best
        ratio = self._trials.against(best[0].values, single.values, self._read_s)
        if ratio is None or ratio.high >= 1.0:
            return best
        if compared is None:
            over_plain = self._trials.against(single.values, {}, self._read_s)
            if over_plain is None or not is_faster(over_plain, self._bench.options.min_gain):
                return best
            compared = single, over_plain
        return compared

    def _is_single(self, choice: _Tried) -> bool:
        """Whether it sets one knob beside those that are pinned."""
        return len(choice.values.keys() - self._pins.keys()) == 1

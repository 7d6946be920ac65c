# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Of the best candidates of the longest dispatches the model's time chooses one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.dispatch import Dispatch
from tuner.evaluate.final import Final
from tuner.events import Event, Note
from tuner.measuring import Tolerance, Verification
from tuner.measuring.sampling import Paired
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.speedup import Ratio, speedup
from tuner.testing.machines import replayed_dispatch
from tuner.testing.problems import problem
from tuner.tuning.by_model import chosen_by_model, others_of
from tuner.tuning.result import DispatchResult

SUM = replayed_dispatch(problem("reduction", [("parallel", 64), ("k", 128)], (0, 1), (0,)), "sum")
MAXIMUM, PRODUCT, MEAN = (replace(SUM, name=name) for name in ("maximum", "product", "mean"))
DEFAULT_S = 10e-3


def candidate(number: int, time_s: float) -> Evaluation:
    compilation = Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("log"))
    return Evaluation(compilation, Fate.MEASURED, "", time_s=time_s, speedup=DEFAULT_S / time_s)


def result(dispatch: Dispatch, winner: Evaluation, *, accepted: bool = True) -> DispatchResult:
    assert winner.time_s is not None
    paired = Paired((DEFAULT_S,) * 10, (winner.time_s,) * 10)
    verified = Verification(True, 0.0, "", Tolerance())
    final = Final(winner, paired, speedup(paired.baseline_s, paired.candidate_s), verified, accepted, (1,))
    return DispatchResult(dispatch, "tuned", final=final, late=True)


def numbers(results: Sequence[DispatchResult]) -> list[int]:
    return [found.winner.candidate.number for found in results if found.winner is not None]


@dataclass(frozen=True)
class Over:
    """A search that is over."""

    name: str
    best_s: float
    finalists: Sequence[Evaluation]


@dataclass
class Model:
    """A model that takes the sum of some times, by candidate; it keeps what it was asked.

    With a candidate without a time it does not compile. Those in `wrong` are wrong on data of their own.
    """

    times_s: Mapping[int, float]
    wrong: Sequence[int] = ()
    most: int = 9
    asked: list[list[int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def _time_s(self, results: Sequence[DispatchResult]) -> float:
        return sum(self.times_s[number] for number in numbers(results))

    def _ratio_of(self, results: Sequence[DispatchResult], others: Sequence[DispatchResult]) -> Ratio | None:
        self.asked.append(numbers(others))
        if any(number not in self.times_s for number in numbers(others)):
            return None
        return speedup([self._time_s(results)] * 10, [self._time_s(others)] * 10)

    def chosen(self, results: Sequence[DispatchResult], others: Mapping[str, Sequence[Evaluation]]) -> list[int]:
        dispatches = {found.dispatch.name: found.dispatch for found in results}

        def confirmed(name: str, other: Evaluation) -> DispatchResult:
            return result(dispatches[name], other, accepted=other.candidate.number not in self.wrong)

        found = chosen_by_model(
            results, others, self._ratio_of, confirmed, lambda: len(self.asked) < self.most, self.events.append
        )
        assert all(one.late for one in found)
        return numbers(found)


ONE, TWO, THREE, FOUR = (candidate(number, number * 1e-3) for number in (1, 2, 3, 4))
RESULTS = (result(SUM, ONE), result(MAXIMUM, FOUR))


def test_a_candidate_that_is_slower_alone_wins_if_the_model_is_faster_with_it() -> None:
    model = Model({1: 5e-3, 2: 4e-3, 3: 4.5e-3, 4: 1e-3})
    assert model.chosen(RESULTS, {"sum": (TWO, THREE)}) == [2, 4]
    # The third is compared with the second, which was chosen before.
    assert model.asked == [[2, 4], [3, 4]]
    assert model.events == [Note("sum: candidate 2 instead of 1, with which the model is 1.20x [1.20, 1.20] as fast")]


def test_what_does_not_hold_in_the_model_or_alone_is_not_chosen() -> None:
    assert Model({1: 5e-3, 4: 1e-3}).chosen(RESULTS, {"sum": (TWO,)}) == [1, 4]
    model = Model({1: 5e-3, 2: 4e-3, 3: 4.5e-3, 4: 1e-3}, wrong=(2,))
    assert model.chosen(RESULTS, {"sum": (TWO, THREE)}) == [3, 4]
    # As fast is not faster.
    assert Model({1: 5e-3, 2: 5e-3, 4: 1e-3}).chosen(RESULTS, {"sum": (TWO,)}) == [1, 4]


def test_without_time_the_winners_stay() -> None:
    times_s = {1: 5e-3, 2: 4e-3, 3: 3e-3, 4: 1e-3}
    assert Model(times_s, most=0).chosen(RESULTS, {"sum": (TWO, THREE)}) == [1, 4]
    assert Model(times_s, most=1).chosen(RESULTS, {"sum": (TWO, THREE)}) == [2, 4]


def test_the_model_chooses_for_the_longest_dispatches_among_those_that_are_close() -> None:
    close, far = candidate(5, 1.05e-3), candidate(6, 1.2e-3)
    finalists = (ONE, close, candidate(7, 1.06e-3), candidate(8, 1.07e-3), far)
    searches = [Over(name, time_s, finalists) for name, time_s in (("sum", 2.0), ("maximum", 9.0), ("product", 3.0))]
    results = [result(dispatch, ONE) for dispatch in (SUM, MAXIMUM, PRODUCT, MEAN)]
    found = others_of([*searches, Over("mean", 1.0, finalists)], results)
    assert list(found) == ["maximum", "product", "sum"]
    assert [end.candidate.number for end in found["sum"]] == [5, 7]
    assert list(others_of([*searches, Over("mean", 400.0, finalists)], results)) == ["mean"]


def test_there_is_nothing_to_choose_for_a_single_dispatch_or_a_default() -> None:
    assert others_of([Over("sum", 1.0, (ONE, candidate(2, 1e-3)))], [result(SUM, ONE)]) == {}
    searches = [Over("sum", 1.0, (ONE,)), Over("maximum", 1.0, (FOUR,))]
    assert others_of(searches, [result(SUM, ONE, accepted=False), result(MAXIMUM, FOUR)]) == {"maximum": []}

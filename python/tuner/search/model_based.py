# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search by models of time: fill the space first, then try rows for which a model expects the most improvement."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tuner.constraints import Pool, sample_space_filling
from tuner.search import Prior, best_before, unasked
from tuner.search.models.features import Features
from tuner.search.models.predicted import Predicted
from tuner.search.models.surrogates import Array, Surrogate, expected_improvement, failure_probability
from tuner.search.models.trend import Trend, informed

_ELITE = 3
# Rows of an earlier search of the problem, on another device or with another compiler, that are tried first. It halves
# the rows that fill the space.
_WARM_FIRST = 4
# A prior that predicts every row counts as sure from here on, of 1.
_SURE = 0.7
# In a search of at most so many rows models choose what follows the first few of a sure prior: none is left to judge.
_SHORT = 8
# A batch uses the earlier search with odds of this number to the number of rows measured since: trust wears off.
_TRUST = 20.0
# The most rows among which neighbours are sought.
_SEARCHED = 100_000


@dataclass(frozen=True, slots=True)
class Constants:
    """What may be tuned of such a search; `benchmarks/search_replay.py --cross-validate` varies it."""

    # Rows that fill the space before models are asked: a number for each knob that varies, within the bounds.
    initial_per_knob: float = 2.0
    initial_bounds: tuple[int, int] = (10, 20)
    trees: int = 32
    # An improvement on the best of at most this, in standard deviations of the log times, counts as none.
    margin: float = 0.0
    # The share of the later rows that is drawn at random.
    random_share: float = 0.0
    # The rows that models look at: a draw of at most `looked_at`, and `neighbours` neighbours of each of the best.
    looked_at: int = 3_000
    neighbours: int = 400
    # Whether a model treats the rows just chosen as measured, so that it chooses the rest of a batch elsewhere.
    spreads: bool = False
    # Whether models see the odd parts of values besides the values.
    odd_parts: bool = True
    # Rows that are tried first of a prior that predicts every row, if it is not sure, and if it is. One that was learnt
    # here is followed by rows that fill the space. Of another these take a share of each batch, and models choose the
    # others, until so many rows judge it.
    predicted_first: tuple[int, int] = (4, 8)
    filling_share: float = 0.5
    judges: int = 4


SHIPPED = Constants()


@dataclass(frozen=True, slots=True)
class View:
    """What a model learns from and predicts: log times, in standard deviations of the part that it has to explain."""

    observed: Array
    residuals: Array
    features: Array
    # What is known of the features in advance, and the best time of the observed rows.
    expected: Array
    best: float

    @classmethod
    def of(
        cls,
        observed: Array,
        log_times: Array,
        features: Array,
        explained: Array | float = 0.0,
        expected: Array | float = 0.0,
    ) -> View:
        """`explained`, `expected`: the part that needs no model, of the observed log times and of the features'."""
        left = log_times - explained
        level, scale = left.mean(), max(float(left.std()), 1e-9)
        known = np.broadcast_to(np.asarray(expected) / scale, len(features))
        return cls(observed, (left - level) / scale, features, known, float((log_times.min() - level) / scale))


class ModelBasedSearch:
    """Several models take turns within a batch. Each chooses the row with its greatest expected improvement."""

    def __init__(
        self,
        pool: Pool,
        rng: np.random.Generator,
        trials: int,
        prior: Prior,
        surrogates: Sequence[Callable[[], Surrogate]],
        constants: Constants,
    ) -> None:
        """`surrogates`: makers of the models, in the order of their turns. The last one also uses an earlier search."""
        self._pool = pool
        self._rng = rng
        self._constants = constants
        self._makers = surrogates
        self._models = [make() for make in surrogates]
        self._informed = surrogates[-1]()
        self._features = Features(pool, odd_parts=constants.odd_parts)
        self._expectation = prior if isinstance(prior, Predicted) else None
        self._promising = best_before(self._expectation or {}, constants.neighbours + trials)
        self._trend = None if self._expectation else self._make_trend(prior)
        self._asked: list[int] = []
        self._times: dict[int, float | None] = {}
        self._initial = self._first_rows(trials, prior)
        self._promised = frozenset(self._initial)
        # Rows that fill the space beside the models' choices, until they have shown what the prior is worth.
        is_judged = self._is_doubted and not (self._is_sure and trials <= _SHORT)
        self._filling = self._filled(trials) if is_judged else []
        self._judges = [row for row in self._filling if row not in self._promised][: constants.judges]
        self._turn = 0
        # The rows that fill the space which are due by now, less than one.
        self._due = 0.0

    def ask(self, count: int) -> list[int]:
        """Up to `count` rows: those that fill the space first, then the models' choices."""
        rows = self._initial[:count]
        self._initial = self._initial[count:]
        self._asked += rows
        rows = rows + self._more_filling(count - len(rows))
        if len(rows) < count:
            chosen = self._by_models(count - len(rows))
            self._asked += chosen
            rows = rows + chosen
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """Keeps the time of a row, which the models learn from the next time that they choose."""
        self._times[row] = time_s
        if self._judges and all(judge in self._times for judge in self._judges):
            self._judge()

    def _judge(self) -> None:
        """Trusts the prior from now on, or drops it: what it promised must be faster than rows that fill the space."""
        promised, judges = (
            [math.inf if time_s is None else time_s for row in rows if (time_s := self._times.get(row, 0.0)) != 0.0]
            for rows in (self._promised, self._judges)
        )
        if promised and statistics.median(promised) >= statistics.median(judges):
            self._expectation = None
            self._promising = []
            # Their features had a column more.
            self._models = [make() for make in self._makers]
            self._initial += [row for row in self._filling if row not in self._asked]
        self._filling, self._judges = [], []

    def _make_trend(self, prior: Prior) -> Trend | None:
        rows = np.array(sorted(row for row, time in prior.items() if time > 0), dtype=np.int64)
        if len(rows) < 2:
            return None
        return Trend(self._features(rows), np.log([prior[int(row)] for row in rows]), self._rng)

    @property
    def _is_doubted(self) -> bool:
        """Whether the prior predicts every row and is not from what was measured here."""
        return self._expectation is not None and self._expectation.sure < 1.0

    @property
    def _is_sure(self) -> bool:
        """Whether the prior predicts every row and is sure."""
        return self._expectation is not None and self._expectation.sure >= _SURE

    def _first_rows(self, trials: int, prior: Prior) -> list[int]:
        few, many = self._constants.predicted_first
        if self._expectation is not None and self._is_doubted:
            return self._expectation.first(many if self._is_sure and trials > _SHORT else few)
        filled = self._filled(trials)
        if self._expectation is not None:
            return list(dict.fromkeys([*self._expectation.first(many), *filled]))
        return list(dict.fromkeys([*best_before(prior, _WARM_FIRST), *filled[: len(filled) // 2]])) if prior else filled

    def _more_filling(self, count: int) -> list[int]:
        """Rows that fill the space, as many as are due among the next `count`."""
        asked = set(self._asked)
        left = [row for row in self._filling if row not in asked]
        self._due += count * self._constants.filling_share
        taken = left[: int(self._due)]
        self._due -= int(self._due)
        self._filling = left[len(taken) :]
        self._asked += taken
        return taken

    def _filled(self, trials: int) -> list[int]:
        """Rows that fill the space."""
        fewest, most = self._constants.initial_bounds
        wanted = round(self._constants.initial_per_knob * len(self._features))
        return sample_space_filling(self._pool, min(max(fewest, min(most, wanted)), max(2, trials // 2)), self._rng)

    def _by_models(self, count: int) -> list[int]:
        free = unasked(self._pool, self._asked)
        ended = np.array(sorted(self._times), dtype=np.int64)
        failed = np.array([self._times[int(row)] is None for row in ended], dtype=bool)
        if len(free) <= count or (~failed).sum() < 2:
            return [int(row) for row in self._rng.permutation(free)[:count]]
        measured = ended[~failed]
        log_times = np.log(np.array([self._times[int(row)] for row in measured], dtype=np.float64))
        looked_at = self._looked_at(free, measured[np.argsort(log_times, kind="stable")[:_ELITE]])
        features = self._features(looked_at)
        chance = 1.0 - failure_probability(self._features(ended), failed, features, int(self._rng.integers(2**31)))
        # The models' matrices are small: on a large machine, threads would wait for one another.
        with threadpool_limits(1):
            turns = self._turns(measured, log_times, looked_at, features)
            chosen = self._in_turns(count, turns, chance)
        return [int(looked_at[index]) for index in chosen]

    def _turns(
        self, measured: npt.NDArray[np.int64], log_times: Array, looked_at: npt.NDArray[np.int64], features: Array
    ) -> list[tuple[Surrogate, View]]:
        """The models that have a turn in this batch, each with what it sees."""
        observed = self._features(measured)
        if self._expectation is not None:
            here, there = self._expectation.log_times(measured), self._expectation.log_times(looked_at)
            taught = View.of(*informed(here, there, observed, log_times, features))
            return [(model, taught) for model in self._models]
        plain = View.of(observed, log_times, features)
        turns = [(model, plain) for model in self._models]
        if self._trend is not None and self._rng.random() < _TRUST / (_TRUST + len(observed)):
            here, there = self._trend.expect(observed), self._trend.expect(features)
            turns[-1] = self._informed, View.of(*informed(here, there, observed, log_times, features))
        return turns

    def _in_turns(self, count: int, turns: Sequence[tuple[Surrogate, View]], chance: Array) -> list[int]:
        """Different positions in the features. Each is the best one for the model whose turn it is."""
        gains: dict[int, Array] = {}
        chosen: list[int] = []
        for _ in range(count):
            if self._rng.random() < self._constants.random_share:
                chosen.append(int(self._rng.choice(np.setdiff1d(np.arange(len(chance)), chosen))))
                continue
            turn = self._turn % len(turns)
            self._turn += 1
            model, view = turns[turn]
            known = turn in gains
            if not known:
                model.learn(view.observed, view.residuals)
            believed = self._constants.spreads and bool(chosen) and model.believe(view.features[chosen])
            if believed or not known:
                mean, deviation = model.predict(view.features)
                best = view.best - self._constants.margin
                gains[turn] = chance * expected_improvement(mean + view.expected, deviation, best)
            gain = gains[turn].copy()
            gain[chosen] = -np.inf
            chosen.append(int(gain.argmax()))
        return chosen

    def _looked_at(self, free: npt.NDArray[np.int64], elite: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows for the models to choose among."""
        most, neighbours = self._constants.looked_at, self._constants.neighbours
        if len(free) <= most:
            return free
        near_of = free if len(free) <= _SEARCHED else self._rng.choice(free, _SEARCHED, replace=False)
        features = self._features(near_of)
        near = [
            near_of[np.argpartition(np.abs(features - centre).sum(axis=1), neighbours)[:neighbours]]
            for centre in self._features(elite)
        ]
        drawn = self._rng.choice(free, most, replace=False)
        asked = set(self._asked)
        promising = np.array([row for row in self._promising if row not in asked], dtype=np.int64)
        return np.unique(np.concatenate([drawn, *near, promising]))

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a choice of flags is expected to give on a model, from what choices gave on it and on others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tuner.model_flags.gains import MeasuredModel, Outcome, likeness

# The logarithm of the speed-up that a value gives if nothing is known: most gain nothing, and some lose much.
_UNKNOWN = -0.15
# The variance, of the logarithm of a speed-up, that comes from each value alone, from each pair of values beyond that,
# and from one choice as a whole. Values gain up to a half, pairs of them seldom a tenth beyond what both gain.
_VALUE, _PAIR, _WHOLE = 0.04, 0.01, 0.002
# The same of what a measurement adds: its noise, which is a few percent.
_NOISE = 0.0005
# How much two models that are equally mixed have in common.
_SAME_MIX = 0.8
# The least speed-up that counts: how bad a choice is does not matter. A failure on this model counts as much, since
# further values seldom mend it; one on another model counts as no gain.
_WORST, _FAILED_ELSEWHERE = 0.5, 1.0

Column = npt.NDArray[np.float64]
# The knobs that a choice sets, with their values.
Item = tuple[str, str]
Items = frozenset[Item]


def items_of(values: Mapping[str, str]) -> Items:
    """A choice as a set, by which choices are compared."""
    return frozenset(values.items())


@dataclass(frozen=True, slots=True)
class Expected:
    """For each of some choices: mean and deviation of the logarithm of its speed-up, and its factor of compile time."""

    gain: Column
    deviation: Column
    compile_factor: Column

    def improvement(self, best: float) -> Column:
        """By how much each is expected to raise the logarithm of the best speed-up, `best`, if it does."""
        margin = self.gain - best
        z = margin / self.deviation
        return margin * _normal_cdf(z) + self.deviation * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def _normal_cdf(z: Column) -> Column:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])


@dataclass(frozen=True)
class Expectation:
    """A Gaussian process over models and choices.

    Two choices have in common what their shared values do, alone and in pairs; two models as much as their op mixes are
    alike. `seen` is what this model gave so far, `models` are others.
    """

    mix: Mapping[str, float]
    models: tuple[MeasuredModel, ...] = ()
    seen: tuple[Outcome, ...] = ()

    def after(self, outcomes: Iterable[Outcome]) -> Expectation:
        """The same when this model gave these outcomes too."""
        return Expectation(self.mix, self.models, (*self.seen, *outcomes))

    def of(self, choices: Sequence[Items]) -> Expected:
        """What is expected of each choice on this model."""
        prior, mean = _covariance_of_choices(choices, choices).diagonal(), _mean(choices)
        sources, known, targets = self._known
        if not known:
            return Expected(mean, np.sqrt(prior), np.ones(len(choices)))
        across = _covariance_of_choices(choices, known) * self._likenesses[0, sources]
        weights = across @ self._precision
        means = weights @ targets
        variance = np.maximum(prior - np.einsum("ij,ij->i", weights, across), 1e-9)
        return Expected(mean + means[:, 0], np.sqrt(variance), np.exp(means[:, 1]))

    @cached_property
    def _known(self) -> tuple[npt.NDArray[np.int64], list[Items], Column]:
        """All outcomes: the number of the model (0: this one), the choice, and the logarithms of both factors.

        The first logarithm is that above the mean.
        """
        outcomes = [(0, outcome) for outcome in self.seen]
        outcomes += [(number, one) for number, model in enumerate(self.models, start=1) for one in model.outcomes]
        choices = [items_of(outcome.values) for _, outcome in outcomes]
        gains = np.array([_log_speedup(one, number > 0) for number, one in outcomes]) - _mean(choices)
        factors = np.array([math.log(outcome.compile_factor) for _, outcome in outcomes])
        numbers = np.array([number for number, _ in outcomes], dtype=np.int64)
        return numbers, choices, np.stack([gains, factors], axis=1)

    @cached_property
    def _likenesses(self) -> Column:
        """Shape [1 + models, 1 + models]; this model comes first."""
        mixes = [self.mix, *(model.mix for model in self.models)]
        found = np.array([[_SAME_MIX * likeness(one, other) for other in mixes] for one in mixes])
        np.fill_diagonal(found, 1.0)
        return found

    @cached_property
    def _precision(self) -> Column:
        """The inverse of the covariance of all outcomes."""
        sources, known, _ = self._known
        covariance = _covariance_of_choices(known, known) * self._likenesses[np.ix_(sources, sources)]
        return np.asarray(np.linalg.inv(covariance + _NOISE * np.eye(len(known))), dtype=np.float64)


def _mean(choices: Sequence[Items]) -> Column:
    return np.array([_UNKNOWN * len(choice) for choice in choices])


def _log_speedup(outcome: Outcome, is_elsewhere: bool) -> float:
    if outcome.speedup is None:
        return math.log(_FAILED_ELSEWHERE if is_elsewhere else _WORST)
    return math.log(max(outcome.speedup, _WORST))


def _covariance_of_choices(some: Sequence[Items], others: Sequence[Items]) -> Column:
    """Shape [some, others]."""
    every = sorted(frozenset().union(*some, *others))
    shared = _indicators(some, every) @ _indicators(others, every).T
    sizes = np.array([len(choice) for choice in some])[:, None], np.array([len(choice) for choice in others])[None, :]
    whole = (shared == sizes[0]) & (shared == sizes[1]) & (shared > 0)
    covariance: Column = _VALUE * shared + _PAIR * shared * (shared - 1) / 2 + _WHOLE * whole
    return covariance


def _indicators(choices: Sequence[Items], every: Sequence[Item]) -> Column:
    places = {item: place for place, item in enumerate(every)}
    found = np.zeros((len(choices), len(every)))
    for row, choice in enumerate(choices):
        found[row, [places[item] for item in choice]] = 1.0
    return found

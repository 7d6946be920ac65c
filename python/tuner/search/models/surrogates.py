# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of time over features, learnt from few and uneven observations, that predict untried rows.

Times are modelled by their standardised logarithm, since ratios matter. Shapes: `features` is [rows, columns],
`log_times` [observations].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import ndtr
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

Array = npt.NDArray[np.float64]

# The least deviation of a prediction, in log time: trees that have seen two rows would claim none.
_LEAST_DEVIATION = 1e-2
_FAILURE_TREES = 32


class Surrogate(Protocol):
    """A model of time that learns from observations and predicts with a deviation."""

    def learn(self, features: Array, log_times: Array) -> None:
        """Fits the observations given, forgetting earlier ones."""

    def believe(self, features: Array) -> bool:
        """Treats these rows as measured, with the times that it predicts for them. False if it cannot."""

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and deviation of the log time, each of shape [rows]."""


class Forest:
    """A random forest: copes with jumps and plateaus, hence most dispatches, but knows no slope beyond its leaves."""

    def __init__(self, rng: np.random.Generator, trees: int) -> None:
        self._rng = rng
        self._trees = trees
        self._grown: list[Any] = []

    def learn(self, features: Array, log_times: Array) -> None:
        """Grows the trees anew, each on as many observations drawn with replacement."""
        seeds = _seeds(self._trees, int(self._rng.integers(2**31)))
        weights = [_times_drawn(len(features), seed) for seed in seeds]
        self._grown = _grow(DecisionTreeRegressor, features, log_times, weights, seeds)

    def believe(self, features: Array) -> bool:  # noqa: ARG002
        """Never does: trees would have to be grown anew."""
        return False

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and deviation of the trees' predictions."""
        trees = _predictions(self._grown, features)
        return trees.mean(axis=0), np.maximum(trees.std(axis=0), _LEAST_DEVIATION)


class GaussianProcess:
    """A Gaussian process with a length scale for each knob: learns smooth trends from very few observations.

    Length scales are fitted anew after every dozen observations, in a few steps from where they were, and kept in
    between.
    """

    _REFIT_AFTER = 12
    _STEPS = 20

    def __init__(self) -> None:
        self._kernel: Kernel | None = None
        self._fitted_on = 0
        self._learnt: tuple[Array, Array] = np.empty((0, 0)), np.empty(0)
        self._model: Any = None

    def learn(self, features: Array, log_times: Array) -> None:
        """Fits the process, and its length scales if enough observations are new."""
        refit = self._kernel is None or len(log_times) - self._fitted_on >= self._REFIT_AFTER
        self._learnt = features, log_times
        self._fit(features, log_times, self._few_steps if refit else None)
        if refit:
            self._kernel = self._model.kernel_
            self._fitted_on = len(log_times)

    def believe(self, features: Array) -> bool:
        """Adds the rows with their predicted times, so that the deviation shrinks around them."""
        seen, log_times = self._learnt
        self._fit(np.concatenate([seen, features]), np.concatenate([log_times, self.expect(features)]), None)
        return True

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and deviation of the process."""
        mean, deviation = self._model.predict(features, return_std=True)
        return mean, np.maximum(deviation, 1e-6)

    def expect(self, features: Array) -> Array:
        """Only the mean, which costs less."""
        mean: Array = self._model.predict(features)
        return mean

    def _fit(self, features: Array, log_times: Array, optimizer: Callable[..., Any] | None) -> None:
        kernel = self._kernel or (
            ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.full(features.shape[1], 1.0), (0.15, 8.0), nu=2.5)
            + WhiteKernel(1e-2, (1e-4, 0.3))
        )
        self._model = GaussianProcessRegressor(kernel, optimizer=optimizer, random_state=0)
        with warnings.catch_warnings():
            # The optimiser warns when a length scale ends at its bound, which is what bounds are for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(features, log_times)

    @classmethod
    def _few_steps(cls, objective: Callable[..., Any], start: Array, bounds: Array) -> tuple[Array, float]:
        found = minimize(objective, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": cls._STEPS})
        return found.x, float(found.fun)


def expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """How much lower than `best` a normal variable is expected to be, counting only what is lower.

    Source: Jones, Schonlau and Welch, "Efficient global optimization of expensive black-box functions", 1998.
    """
    z = (best - mean) / deviation
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    improvement: Array = deviation * (z * ndtr(z) + density)
    return improvement


def failure_probability(observed: Array, failed: npt.NDArray[np.bool_], features: Array, seed: int) -> Array:
    """How likely each row is to fail, from what failed so far. Shape [rows]; 0 if nothing did."""
    if not failed.any():
        return np.zeros(len(features))
    if failed.all():
        return np.full(len(features), 0.5)
    make = partial(ExtraTreeRegressor, min_samples_leaf=2, max_features="sqrt")
    seeds = _seeds(_FAILURE_TREES, seed)
    grown = _grow(make, observed, failed.astype(np.float64), [None] * _FAILURE_TREES, seeds)
    probability: Array = _predictions(grown, features).mean(axis=0)
    return probability


def _seeds(trees: int, seed: int) -> list[int]:
    """A seed for each tree, the same as scikit-learn's forests would use."""
    source = np.random.RandomState(seed)
    return [int(source.randint(np.iinfo(np.int32).max)) for _ in range(trees)]


def _times_drawn(observations: int, seed: int) -> Array:
    """How often each observation is among as many that are drawn with replacement."""
    drawn = np.random.RandomState(seed).randint(0, observations, observations, dtype=np.int32)
    return np.bincount(drawn, minlength=observations).astype(np.float64)


def _grow(
    make: Callable[..., Any], features: Array, values: Array, weights: Sequence[Array | None], seeds: Sequence[int]
) -> list[Any]:
    """A tree for each seed. Scikit-learn's own forests take twice the time, for checks of each tree."""
    narrow = np.ascontiguousarray(features, dtype=np.float32)
    grown = []
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for weight, seed in zip(weights, seeds, strict=True):
            tree = make(random_state=seed).fit(narrow, values[:, None], sample_weight=weight, check_input=False)
            grown.append(tree.tree_)
    return grown


def _predictions(grown: Sequence[Any], features: Array) -> Array:
    """What each tree predicts, shape [trees, rows]."""
    narrow = np.ascontiguousarray(features, dtype=np.float32)
    return np.stack([tree.predict(narrow)[:, 0] for tree in grown])

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What models predict from few observations."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from tuner.search.models.surrogates import Forest, failure_probability


def test_a_forest_is_the_one_that_scikit_learn_grows() -> None:
    rng = np.random.default_rng(1)
    observed, log_times, features = rng.random((40, 5)), rng.standard_normal(40), rng.random((200, 5))
    forest = Forest(np.random.default_rng(7), trees=8)
    forest.learn(observed, log_times)
    seed = int(np.random.default_rng(7).integers(2**31))
    known = RandomForestRegressor(8, random_state=seed).fit(observed, log_times)
    assert np.allclose(forest.predict(features)[0], known.predict(features))


def test_failures_are_expected_near_failures() -> None:
    observed = np.linspace(0, 1, 21)[:, None]
    chance = failure_probability(observed, observed[:, 0] > 0.5, np.array([[0.1], [0.9]]), seed=0)
    assert chance[0] < 0.2
    assert chance[1] > 0.8


def test_if_all_or_none_failed_no_row_is_preferred() -> None:
    observed = np.zeros((3, 1))
    assert set(failure_probability(observed, np.array([True] * 3), np.ones((2, 1)), seed=0)) == {0.5}
    assert set(failure_probability(observed, np.array([False] * 3), np.ones((2, 1)), seed=0)) == {0.0}

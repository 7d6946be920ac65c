# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which knobs matter: a random forest learns the times, then predicts them with one knob after the other shuffled.

A knob's importance is how much worse the forest predicts unseen candidates if the knob's values are shuffled among
them. Source: Breiman, "Random Forests", Machine Learning 45, 2001, section 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.report.knobs import Value

FEWEST_CANDIDATES = 20
_FOLDS, _TREES, _SHUFFLES = 4, 50, 5

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Importance:
    """`shares` are the knobs' parts of the forest's loss, the largest first. They sum to 1, or are 0 without any loss.

    `explained` is the part of the variance of log times that the forest predicts for unseen candidates. At 0 or below
    the forest has learnt nothing, and the shares mean nothing.
    """

    shares: tuple[tuple[str, float], ...]
    explained: float


def importance(names: Sequence[str], values: Sequence[Sequence[Value]], times_s: Sequence[float]) -> Importance | None:
    """The importance of knobs whose values have the shape [candidates][knobs]; None if there are too few candidates."""
    if len(times_s) < FEWEST_CANDIDATES or not names:
        return None
    # Imported here, since it takes a second and `iree-tune report --help` loads every format.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    features = _numbers(values)
    targets = np.log(np.asarray(times_s))
    predicted = np.empty_like(targets)
    lost = np.zeros(len(names))
    for known, unseen in KFold(_FOLDS, shuffle=True, random_state=0).split(features):
        forest = RandomForestRegressor(_TREES, random_state=0).fit(features[known], targets[known])
        predicted[unseen] = forest.predict(features[unseen])
        lost += np.clip(_lost(forest.predict, features[unseen], targets[unseen], predicted[unseen]), 0, None)
    variance = float(((targets - targets.mean()) ** 2).sum())
    explained = 1 - float(((targets - predicted) ** 2).sum()) / variance if variance > 0 else 0.0
    total = float(lost.sum())
    shares = lost / total if total > 0 else lost
    order = np.argsort(-shares, kind="stable")
    return Importance(tuple((names[index], float(shares[index])) for index in order), explained)


def _lost(predict: Callable[[Numbers], Numbers], features: Numbers, targets: Numbers, predicted: Numbers) -> Numbers:
    """The part of the variance that is no longer predicted if a knob is shuffled, on average [knobs].

    All shuffled candidates are predicted at once: a prediction takes nearly as long for few of them.
    """
    rng = np.random.default_rng(0)
    knobs = features.shape[1]
    shuffled = np.tile(features, (knobs, _SHUFFLES, 1, 1))
    for knob in range(knobs):
        shuffled[knob, :, :, knob] = rng.permuted(shuffled[knob, :, :, knob], axis=1)
    worse = predict(shuffled.reshape(-1, knobs)).reshape(knobs, _SHUFFLES, -1)
    more: Numbers = ((targets - worse) ** 2).sum(axis=2).mean(axis=1) - ((targets - predicted) ** 2).sum()
    variance = float(((targets - targets.mean()) ** 2).sum())
    return more / variance if variance > 0 else np.zeros(knobs)


def _numbers(values: Sequence[Sequence[Value]]) -> Numbers:
    """Values as numbers; a word becomes its place in alphabetical order."""
    columns = []
    for column in zip(*values, strict=True):
        if all(isinstance(value, int) for value in column):
            columns.append([float(value) for value in column])
        else:
            places = {word: float(place) for place, word in enumerate(sorted(set(map(str, column))))}
            columns.append([places[str(value)] for value in column])
    return np.array(columns).T

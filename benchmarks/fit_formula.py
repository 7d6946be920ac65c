# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fits the weights of the formula to the records that ship, and judges it on forms that it was not fitted to.

    python benchmarks/fit_formula.py

A least-squares fit without negative weights, of how far the logarithm of a row's time is above its pool's mean. The
score is that of `few_shot.py`, of the first rows by the formula. The last line is one JSON object: of each family of
targets the weights of a fit to everything, and the mean scores on forms left out, beside those of random rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from few_shot import MARKS, at_random, scores
from tuner.knowledge.analytic import faults
from tuner.knowledge.records import RecordedPool, shipped_records
from tuner.knowledge.traits import Array, Shape
from tuner.search.models.taught import above_best

# Significant digits of a weight.
_DIGITS = 2


def columns(record: RecordedPool, names: Sequence[str]) -> Array:
    """The faults of a pool's rows, shape [rows, faults]."""
    found = faults(Shape.of(record.problem), record.knobs, record.rows.astype(np.float64), record.machine)
    return np.column_stack([found[name] for name in names])


def fitted(records: Sequence[RecordedPool], names: Sequence[str]) -> Array:
    """The weights that fit these pools best."""
    found = [(columns(record, names), above_best(record.times_s)) for record in records]
    weights: Array
    weights, _ = nnls(
        np.concatenate([each - each.mean(axis=0) for each, _ in found]),
        np.concatenate([above - above.mean() for _, above in found]),
    )
    return weights


def main() -> None:
    summary = {}
    for target in ("cpu", "cuda"):
        records = [record for record in shipped_records() if record.target == target]
        first = records[0]
        names = [*faults(Shape.of(first.problem), first.knobs, first.rows.astype(np.float64), first.machine)]
        by_formula, by_chance = [], []
        for record in records:
            others = [other for other in records if other.form != record.form]
            order = np.argsort(columns(record, names) @ fitted(others, names), kind="stable")
            by_formula.append(scores(record, [float(record.times_s[row]) for row in order[: MARKS[-1]]]))
            by_chance.append(at_random(record))
            shown = " ".join(f"{value:.2f}" for value in by_formula[-1])
            print(f"{record.name} ({record.device}): {shown}, random {' '.join(f'{v:.2f}' for v in by_chance[-1])}")
        weights = fitted(records, names)
        summary[target] = {
            "weights": {
                name: float(f"{weight:.{_DIGITS}g}") for name, weight in zip(names, weights, strict=True) if weight
            },
            "formula": np.mean(by_formula, axis=0).round(4).tolist(),
            "random": np.mean(by_chance, axis=0).round(4).tolist(),
        }
    print(json.dumps({"marks": MARKS, **summary}))


if __name__ == "__main__":
    main()

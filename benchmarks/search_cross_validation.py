# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Would cross-validation have chosen other constants, and would they be better on unseen spaces?

Each variant differs from the shipped constants in one of them. The variant that is best on all spaces but one is judged
on that one, beside the shipped constants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tuner.search.model_based import SHIPPED, Constants

VARIANTS: Mapping[str, Constants] = {
    "shipped": SHIPPED,
    "no odd parts": replace(SHIPPED, odd_parts=False),
    "1 initial row a knob": replace(SHIPPED, initial_per_knob=1.0, initial_bounds=(5, 10)),
    "3 initial rows a knob": replace(SHIPPED, initial_per_knob=3.0, initial_bounds=(15, 30)),
    "margin .1": replace(SHIPPED, margin=0.1),
    "a tenth at random": replace(SHIPPED, random_share=0.1),
    "batches spread": replace(SHIPPED, spreads=True),
    "16 trees": replace(SHIPPED, trees=16),
    "64 trees": replace(SHIPPED, trees=64),
    "10 000 rows looked at": replace(SHIPPED, looked_at=10_000, neighbours=1_000),
}


def report(scores: Mapping[str, np.ndarray], spaces: Sequence[str]) -> list[str]:
    """Lines of Markdown. `scores` has the marks of each variant on each space, shape [spaces, marks]."""
    names = [name.replace("convolution_milo_", "").replace("gemm_", "") for name in spaces]
    lines = ["| variant | " + " | ".join(names) + " | mean |", "|---|" + "---|" * (len(names) + 1)]
    for variant, score in scores.items():
        cells = [" / ".join(f"{value:.3f}" for value in row) for row in [*score, score.mean(axis=0)]]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| left out | chosen on the others | its figure there | shipped, there |",
        "|---|---|---|---|",
    ]
    gains = []
    for left_out, name in enumerate(names):
        others = [index for index in range(len(spaces)) if index != left_out]
        best = max(scores, key=lambda variant: scores[variant][others].mean())
        chosen, shipped = (float(scores[variant][left_out].mean()) for variant in (best, "shipped"))
        gains.append(chosen - shipped)
        lines.append(f"| {name} | {best} | {chosen:.3f} | {shipped:.3f} |")
    lines.append(f"\nChoosing on the others gained {np.mean(gains):+.4f} on the space left out, on average.")
    return lines

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far below the machine's usual rates a dispatch runs: one that is far below has much to gain.

Pure numbers, no compiler. The usual rates are those of the model's own dispatches, so no machine is described.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuner.rates.work import Work

# The usual rate is the one that a quarter of the dispatches exceed. The fastest may owe its rate to a cache.
_USUAL = 0.75


def headrooms(works: Sequence[Work], times_s: Sequence[float]) -> list[float]:
    """For each dispatch, its time divided by what its work takes at the usual rates; at least 1.

    `times_s`: seconds of one run of the model.
    """
    if not works:
        return []
    iterations, moved = (_usual_s([of(work) for work in works], times_s) for of in (_iterations, _moved))
    return [
        max(1.0, time_s / max(iterations * work.iterations, moved * work.bytes, 1e-12))
        for work, time_s in zip(works, times_s, strict=True)
    ]


def _iterations(work: Work) -> float:
    return work.iterations


def _moved(work: Work) -> float:
    return work.bytes


def _usual_s(amounts: Sequence[float], times_s: Sequence[float]) -> float:
    """Seconds of one iteration, or of one byte, at the usual rate."""
    rates = [amount / time_s for amount, time_s in zip(amounts, times_s, strict=True) if amount and time_s]
    return float(1 / np.quantile(rates, _USUAL)) if rates else 0.0

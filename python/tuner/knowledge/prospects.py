# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What more candidates would probably give, from the curves of recorded searches."""

from __future__ import annotations

import numpy as np

# Candidates, and the best of so many as a part of the best of a recorded pool: means of searches that knew others
# (`benchmarks/few_shot.py`, the way `kernel`), on CPUs and on GPUs.
_CANDIDATES = (1, 4, 8, 16, 30)
_CPU = (0.80, 0.90, 0.925, 0.96, 0.98)
_GPU = (0.89, 0.94, 0.96, 0.97, 0.98)
# A gain that is smaller than this part is not worth a sentence.
_LEAST = 0.01


def reached(target: str, candidates: int) -> float:
    """The part of the best of a recorded pool that so many candidates reach, in the mean. `candidates`: 1 or more."""
    scores = _CPU if target == "cpu" else _GPU
    return float(np.interp(np.log2(max(1, candidates)), np.log2(_CANDIDATES), scores))


def prospect(target: str, candidates: int) -> str:
    """What more effort would probably give after so many candidates a dispatch, in a sentence; "" if hardly anything.

    `target`: without a chip.
    """
    part = reached(target, candidates)
    if 1 / part - 1 < _LEAST or candidates > _CANDIDATES[-1]:
        return ""
    tried = "The first guess" if candidates <= 1 else f"The best of {candidates} candidates"
    return (
        f"{tried} reached {part:.0%} of the best of 100 to 300 in recorded searches, in the mean: more effort may"
        f" make tuned dispatches {1 / part - 1:.0%} faster"
    )

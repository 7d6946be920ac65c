# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether a program computes the same every time: data races do not always show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.measuring.correctness import Array, Tolerance, Verification, compare


@dataclass(frozen=True, slots=True)
class Repeated:
    """What runs on the same data showed. `run`: the run that `verification` is of, counted from 1; it is the last."""

    verification: Verification
    run: int


def repeated(
    outputs_of: Callable[[], Sequence[Array]],
    judge: Callable[[Sequence[Array]], Verification],
    runs: int,
    *,
    exactly: bool,
) -> Repeated:
    """Runs a program up to `runs` times, until one run is wrong. `outputs_of` runs it, `judge` applies the one rule.

    A run whose outputs are those of the first, bit for bit, is as right as that. Otherwise it is wrong if `exactly`,
    and is judged if not.
    """
    first = outputs_of()
    verification = judge(first)
    for run in range(2, runs + 1):
        if not verification.passed:
            return Repeated(verification, run - 1)
        outputs = outputs_of()
        if _same_bits(first, outputs):
            continue
        if exactly:
            verification = _against_first(first, outputs)
        else:
            found = judge(outputs)
            verification = found if not found.passed else max(verification, found, key=lambda one: one.max_error)
    return Repeated(verification, runs)


def _same_bits(first: Sequence[Array], outputs: Sequence[Array]) -> bool:
    return all(np.array_equal(_bits(one), _bits(other)) for one, other in zip(first, outputs, strict=True))


def _bits(array: Array) -> Array:
    flat = np.ascontiguousarray(array).reshape(-1)
    # Large outputs are compared many times: eight bytes at once.
    return flat.view(np.uint64 if flat.nbytes % 8 == 0 else np.uint8)


def _against_first(first: Sequence[Array], outputs: Sequence[Array]) -> Verification:
    """The verdict on outputs of which bits differ from those of the first run."""
    found = compare(first, outputs, (Tolerance(),))
    detail = found.detail or "outputs differ in bits that stand for the same numbers"
    return replace(found, passed=False, detail=f"another result than in run 1: {detail}")

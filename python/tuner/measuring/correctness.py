# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares a candidate's outputs with the default's.

Two correct kernels sum the same products in different orders. For inputs of magnitude 1, the rounding error of a
sum of K products has a standard deviation near u*K/(3*sqrt(2)), u being half of epsilon: each of the K additions
errs by u times a partial sum that grows like sqrt(i)/3 (products of uniform numbers in [-1, 1)). The tolerance
2*eps*K is about 17 of these deviations, so no correct kernel is refused among millions of elements, while one
missing product (about 1/3) is far outside of it.
Source: Higham and Mary, "A new approach to probabilistic rounding error analysis", SISC 41(5), 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

_EPSILON = {
    "f64": float(np.finfo(np.float64).eps),
    "f32": float(np.finfo(np.float32).eps),
    "f16": float(np.finfo(np.float16).eps),
    "bf16": 2.0**-7,
    "f8E4M3FN": 2.0**-3,
    "f8E5M2": 2.0**-2,
    "f8E4M3FNUZ": 2.0**-3,
    "f8E5M2FNUZ": 2.0**-2,
}
_NARROW_FLOATS = frozenset(
    np.dtype(narrow)
    for narrow in (
        ml_dtypes.bfloat16,
        ml_dtypes.float8_e4m3fn,
        ml_dtypes.float8_e5m2,
        ml_dtypes.float8_e4m3fnuz,
        ml_dtypes.float8_e5m2fnuz,
    )
)

_PIECE = 1 << 16
_WIDE = {np.dtype(np.float64): np.float64}


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a type is a floating-point one, numpy's own or a narrow one of ml_dtypes."""
    return dtype.kind == "f" or dtype in _NARROW_FLOATS


@dataclass(frozen=True, slots=True)
class Tolerance:
    """An element passes where |actual - reference| <= absolute + relative * |reference|."""

    absolute: float
    relative: float

    @staticmethod
    def of_sum(element_type: str, terms: int) -> Tolerance:
        """For outputs that are sums of `terms` products of inputs in [-1, 1). Integers must be equal."""
        epsilon = _EPSILON.get(element_type, 0.0)
        return Tolerance(absolute=2 * epsilon * max(terms, 1), relative=4 * epsilon)

    @staticmethod
    def of_model(reference: Sequence[npt.NDArray[Any]]) -> Tolerance:
        """For a whole model: 1e-4 of the largest output, since errors pass through every layer."""
        largest = max(
            (float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in reference),
            default=0.0,
        )
        return Tolerance(absolute=1e-4 * largest, relative=1e-4)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether outputs agree, the largest difference, what differs where they do not, and by which tolerance."""

    passed: bool
    max_error: float
    detail: str = ""
    tolerance: Tolerance | None = None


def compare(
    reference: Sequence[npt.NDArray[Any]], actual: Sequence[npt.NDArray[Any]], tolerance: Tolerance
) -> Verification:
    """Compares outputs one by one; NaN agrees with NaN only, infinity with the same infinity only."""
    if len(reference) != len(actual):
        return Verification(False, float("inf"), f"{len(actual)} outputs instead of {len(reference)}", tolerance)
    worst = 0.0
    for index, (expected, got) in enumerate(zip(reference, actual, strict=True)):
        if expected.shape != got.shape or expected.dtype != got.dtype:
            what = f"output {index} is {got.dtype}{list(got.shape)}"
            wanted = f"{expected.dtype}{list(expected.shape)}"
            return Verification(False, float("inf"), f"{what} instead of {wanted}", tolerance)
        close = _largest_error_if_close(expected, got, tolerance)
        if close is not None:
            worst = max(worst, close)
            continue
        if not is_float(expected.dtype):
            differing = expected != got
            error = np.where(differing, np.inf, 0.0)
        else:
            if expected.dtype.kind != "f":
                expected, got = expected.astype(np.float32), got.astype(np.float32)
            with np.errstate(invalid="ignore"):
                error = np.abs(got - expected)
            same = (got == expected) | (np.isnan(got) & np.isnan(expected))
            error = np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))
            allowed = tolerance.absolute + tolerance.relative * np.abs(expected)
            differing = error > np.where(np.isfinite(expected), allowed, 0.0)
        worst = max(worst, float(error.max(initial=0.0)))
        if differing.any():
            at = tuple(int(i) for i in np.argwhere(differing)[0])
            return Verification(
                False,
                worst,
                f"{int(differing.sum())} of {differing.size} elements of output {index} differ, the first at"
                f" {list(at)}: {got[at]} instead of {expected[at]}",
                tolerance,
            )
    return Verification(True, worst, "", tolerance)


def _largest_error_if_close(expected: npt.NDArray[Any], got: npt.NDArray[Any], tolerance: Tolerance) -> float | None:
    """The largest difference where all elements are finite and pass, else None.

    Nearly all outputs do. In pieces that stay in cache, this costs a thirtieth of telling which elements differ.
    """
    flat_expected, flat_got = expected.reshape(-1), got.reshape(-1)
    if not is_float(expected.dtype):
        return 0.0 if np.array_equal(flat_expected, flat_got) else None
    worst = 0.0
    with np.errstate(invalid="ignore"):
        for start in range(0, flat_expected.size, _PIECE):
            piece = slice(start, start + _PIECE)
            wanted = flat_expected[piece].astype(_WIDE.get(expected.dtype, np.float32), copy=False)
            error = np.abs(flat_got[piece].astype(wanted.dtype, copy=False) - wanted)
            largest = float(error.max(initial=0.0))
            if not np.isfinite(largest):
                return None
            if not (error <= tolerance.absolute + tolerance.relative * np.abs(wanted)).all():
                return None
            worst = max(worst, largest)
    return worst

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one rule that decides whether outputs are correct, for dispatches and for whole models.

Two correct programs sum in different orders and round at different places, so their outputs differ. How much they may
differ is measured, not guessed. The reference (the compiler's default, or the untuned model) runs again on inputs that
are moved: each float by a random part of a *step*, which is what rounding does to one value (`step_of`). If the type is
too coarse for such moves, only some elements are moved. What the moves do to an output is its *sensitivity*. The rules
for each output:

- The largest difference, and the root mean square (RMS) of all differences, may each be at most MARGIN times the
  sensitivity. That counts as at least what moving the output by a step does: to the largest difference a step of the
  largest element, to the RMS 1/sqrt(3) of a step, since moves are uniform. If the output's type is coarser than a step,
  correct outputs are nearly the same number, rounded. Then an element may also differ by the type's epsilon, but the
  RMS allows that for only one element in a thousand.
- NaN and infinities must be at the same places. Elements that are not finite are not compared, and this is reported.
- Integers must be equal unless moves change some. Then at most MARGIN times that part of them may differ. One 8-bit
  integer in a thousand may differ by 1 if the program rounds at all: requantisation rounds, and near a half a tiny
  difference changes the result.
- If nothing that the program computes can round (integers alone), outputs must be equal.

A dispatch that rounds nothing but sums (`Arithmetic.is_exact`) also runs on data whose sums are exact in the type of
the accumulator: small integers, few enough of which are not 0. There every order of additions gives the same result,
and outputs must be equal. A missing part of a sum shows, however coarse the type is.

The step for a sum of K products in a type whose epsilon (the gap after 1) is e is 0.35 * e * sqrt(K), but at least the
epsilon of the least precise type that the program computes in. In a dispatch, narrowing a number does not count as
computing: all programs of the dispatch narrow it at the same place, and few numbers round differently. In a model it
counts, since the differences add up. Why 0.35: each of the K additions errs by at most e/2 of a partial sum that grows
like sqrt(i), so the sum errs by about e * K / (6 * sqrt(2)) for products of uniform numbers in [-1, 1). Moves of both
factors by 0.35 * e * sqrt(K) change it by nearly the same.
Source: Higham and Mary, "A new approach to probabilistic rounding error analysis", SISC 41(5), 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from tuner.dispatch import Arithmetic

# Multiple of its sensitivity by which an output may differ. A correct program of n layers errs by about sqrt(n) times
# what one move does.
MARGIN = 4.0
# The step of a sum of K products, divided by the epsilon of its type and by sqrt(K).
_STEP_OF_SUM = 0.35
# Part of the elements that may differ by 1 in the last place, in outputs that are rounded: 8-bit integers, and floats
# of a type coarser than a step. If there are few elements, one may.
_ROUNDED_APART = 1e-3
# The RMS of uniform moves whose largest is 1.
_RMS_OF_MOVES = 1 / math.sqrt(3)
# Part of an output. If more of it is not finite, a note reports how much was not compared.
TOLD_UNCOMPARED = 0.01

_EPSILON = {
    "f64": 2.0**-52,
    "f32": 2.0**-23,
    "f16": 2.0**-10,
    "bf16": 2.0**-7,
    "f8E4M3FN": 2.0**-3,
    "f8E4M3FNUZ": 2.0**-3,
    "f8E5M2": 2.0**-2,
    "f8E5M2FNUZ": 2.0**-2,
}
_FLOATS = {
    np.dtype(np.float64): "f64",
    np.dtype(np.float32): "f32",
    np.dtype(np.float16): "f16",
    np.dtype(ml_dtypes.bfloat16): "bf16",
    np.dtype(ml_dtypes.float8_e4m3fn): "f8E4M3FN",
    np.dtype(ml_dtypes.float8_e4m3fnuz): "f8E4M3FNUZ",
    np.dtype(ml_dtypes.float8_e5m2): "f8E5M2",
    np.dtype(ml_dtypes.float8_e5m2fnuz): "f8E5M2FNUZ",
}
# Elements that are compared at a time: few enough to stay in cache.
_PIECE = 1 << 16

Array = npt.NDArray[Any]


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a type is a floating-point type, either of numpy or of ml_dtypes."""
    return dtype in _FLOATS


def epsilon_of(element_type: str) -> float:
    """The gap between 1 and the next number of a float type, given by MLIR's name; 0 for integers."""
    return _EPSILON.get(element_type, 0.0)


def step_of(arithmetic: Arithmetic) -> float:
    """The part of its value by which rounding moves a number in such a program; 0 if nothing is rounded."""
    of_sums = _STEP_OF_SUM * math.sqrt(arithmetic.terms) * epsilon_of(arithmetic.accumulator)
    return max(of_sums, epsilon_of(arithmetic.narrowest))


def nonzero_factors(arithmetic: Arithmetic, factors: int) -> float:
    """The part of each factor's elements that may be 1 or -1, the others being 0, so that sums of products are exact.

    `factors` is their number. The expected number of products other than 0 in a sum is then at most half the largest
    integer up to which the sum's type holds every integer.
    """
    epsilon = epsilon_of(arithmetic.accumulator)
    exact_to = 2.0 / epsilon if epsilon else math.inf
    of_products = min(4 / 9, exact_to / 2 / max(1, arithmetic.terms))
    return math.sqrt(of_products) if factors > 1 else of_products


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What moved inputs do to one output, and how large the output is.

    `largest` and `rms` are those of the differences, also of integers. `changed` is the part of the elements that
    differ. `size_largest` and `size_rms` are those of the output itself. `unfinite` is the part that is NaN or infinite
    and left out. `elements` is the number of all elements.
    """

    dtype: str
    largest: float
    rms: float
    changed: float
    size_largest: float
    size_rms: float
    unfinite: float
    elements: int = 1


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much one output may differ from the reference: the largest difference, and the RMS of all differences.

    `changed` is the part of an integer output's elements that may differ at all.
    """

    largest: float = 0.0
    rms: float = 0.0
    changed: float = 0.0

    @staticmethod
    def of(sensitivity: Sensitivity, step: float) -> Tolerance:
        """The tolerance of an output with this sensitivity to moves by `step`. The module's docstring has the rule."""
        dtype = dtype_named(sensitivity.dtype)
        if is_float(dtype):
            own = epsilon_of(name_of(dtype))
            own_rms = own * math.sqrt(max(_ROUNDED_APART, 1 / max(1, sensitivity.elements)))
            floor, floor_rms = (
                step * sensitivity.size_largest,
                max(step * _RMS_OF_MOVES, own_rms) * sensitivity.size_rms,
            )
            once = own * sensitivity.size_largest if step < own else 0.0
            return Tolerance(MARGIN * max(sensitivity.largest, floor) + once, MARGIN * max(sensitivity.rms, floor_rms))
        changed = MARGIN * sensitivity.changed
        if dtype.itemsize == 1 and dtype.kind in "iu" and step > 0.0:
            changed = max(changed, _ROUNDED_APART)
        largest = max(1.0, MARGIN * sensitivity.largest) if changed > 0.0 else 0.0
        return Tolerance(largest, largest, changed)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether outputs agree, the largest difference, what differs if they do not, and the tolerance that applied.

    `tolerance` is that of the output that came closest to its limit. `unfinite` is the largest part of an output that
    could not be compared, since the reference is NaN or infinite there.
    """

    passed: bool
    max_error: float
    detail: str = ""
    tolerance: Tolerance | None = None
    unfinite: float = 0.0


def compare(reference: Sequence[Array], actual: Sequence[Array], tolerances: Sequence[Tolerance]) -> Verification:
    """Compares each output with the reference by its own tolerance. A single tolerance applies to all outputs."""
    if len(reference) != len(actual):
        return Verification(False, math.inf, f"{len(actual)} outputs instead of {len(reference)}", tolerances[0])
    if len(tolerances) == 1:
        tolerances = [*tolerances] * len(reference)
    worst, nearest, unfinite = 0.0, -1.0, 0.0
    applied: Tolerance | None = None
    for index, (expected, got, tolerance) in enumerate(zip(reference, actual, tolerances, strict=True)):
        if expected.shape != got.shape or expected.dtype != got.dtype:
            what = f"output {index} is {got.dtype}{list(got.shape)}"
            wanted = f"{expected.dtype}{list(expected.shape)}"
            return Verification(False, math.inf, f"{what} instead of {wanted}", tolerance)
        found = _Differences.between(expected, got)
        unfinite = max(unfinite, found.unfinite)
        worst = max(worst, found.largest)
        reason = found.reason_against(tolerance, expected, got)
        if reason:
            return Verification(False, worst, f"output {index}: {reason}", tolerance, unfinite)
        near = _part(found.largest, tolerance.largest)
        if near > nearest:
            nearest, applied = near, tolerance
    return Verification(True, worst, "", applied, unfinite)


def sensitivity_of(reference: Sequence[Array], moved: Sequence[Sequence[Array]]) -> tuple[Sensitivity, ...]:
    """The most that any move did to each output. `moved` holds the outputs of each move."""
    sensitivities = []
    for index, expected in enumerate(reference):
        differences = [_Differences.between(expected, outputs[index]) for outputs in moved]
        size = _Differences.between(
            np.where(np.isfinite(_wide(expected)), 0, expected).astype(expected.dtype), expected
        )
        sensitivities.append(
            Sensitivity(
                name_of(expected.dtype),
                max((found.largest for found in differences if math.isfinite(found.largest)), default=0.0),
                max((found.rms for found in differences if math.isfinite(found.rms)), default=0.0),
                max((found.changed for found in differences), default=0.0),
                size.largest,
                size.rms,
                size.unfinite,
                expected.size,
            )
        )
    return tuple(sensitivities)


def name_of(dtype: np.dtype[Any]) -> str:
    """MLIR's name of a float type, numpy's name of any other type."""
    return _FLOATS.get(dtype, dtype.name)


def dtype_named(name: str) -> np.dtype[Any]:
    """The type of which `name` is the `name_of`."""
    floats = {value: key for key, value in _FLOATS.items()}
    return floats.get(name) or np.dtype(name)


@dataclass(frozen=True, slots=True)
class _Differences:
    """How one output differs from the reference. Elements that are not finite in the reference are left out.

    `largest` and `rms` are infinite if an element that should be finite is not, or if NaN and infinities differ.
    """

    largest: float
    rms: float
    changed: float
    unfinite: float

    @staticmethod
    def between(expected: Array, got: Array) -> _Differences:
        """Compares piece by piece. Nearly all outputs are finite, for which this is one pass in cache."""
        size = max(1, expected.size)
        largest = squares = 0.0
        changed = unfinite = 0
        flat_expected, flat_got = expected.reshape(-1), got.reshape(-1)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, expected.size, _PIECE):
                wanted, found = (_wide(flat[start : start + _PIECE]) for flat in (flat_expected, flat_got))
                error = np.abs(found - wanted)
                if not np.isfinite(error).all():
                    finite = np.isfinite(wanted)
                    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
                    error = np.where(same, 0.0, np.where(np.isfinite(error), error, np.inf))
                    unfinite += int(error.size - finite.sum())
                largest = max(largest, float(error.max(initial=0.0)))
                squares += float(np.square(error, dtype=np.float64).sum())
                changed += int(np.count_nonzero(error))
        return _Differences(largest, math.sqrt(squares / size), changed / size, unfinite / size)

    def reason_against(self, tolerance: Tolerance, expected: Array, got: Array) -> str:
        """Why the differences exceed the tolerance, as a phrase for people; "" if they do not."""
        too_far = self.largest > tolerance.largest
        too_many = not is_float(expected.dtype) and self.changed > tolerance.changed
        if too_far or too_many:
            with np.errstate(invalid="ignore", over="ignore"):
                wanted, found = _wide(expected), _wide(got)
                same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
                differing = ~same & ~(np.abs(found - wanted) <= (0.0 if too_many else tolerance.largest))
            at = tuple(int(i) for i in np.argwhere(differing)[0])
            by = "" if too_many or not tolerance.largest else f" by more than {tolerance.largest:.3g}"
            count = f"{int(differing.sum())} of {differing.size} elements differ{by}"
            return f"{count}, the first at {list(at)}: {got[at]} instead of {expected[at]}"
        if self.rms > tolerance.rms:
            return f"the RMS of all differences is {self.rms:.3g}, and {tolerance.rms:.3g} is allowed"
        return ""


def _wide(array: Array) -> Array:
    """The array in a type for differences: f32 for all floats but f64, f64 or wider for the rest."""
    if array.dtype.kind in "iub":
        return array.astype(np.float64 if array.dtype.itemsize < 8 else np.longdouble)
    return array.astype(np.float64 if array.dtype == np.float64 else np.float32, copy=False)


def _part(value: float, whole: float) -> float:
    return value / whole if whole else 0.0

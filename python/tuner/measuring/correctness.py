# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one rule that says whether outputs are right, for dispatches and for whole models.

Two correct programs sum in different orders and round at different places, so their outputs differ. How much they may
differ is measured, not guessed. The program that everything is compared with (the compiler's default, or the untuned
model) runs again on inputs that are moved: each float by a random part of a *step*, which is what rounding does to one
value (`step_of`); of a type too coarse for that, some are. What the moves do to an output is its *sensitivity*. Of each
output:

- The largest difference, and the root mean square (RMS) of all differences, may each be at most MARGIN times the
  sensitivity. That is at least what a move of the output by a step does: a step of the largest element, and of the
  RMS 1/sqrt(3) of a step, since moves are uniform. An output of a type coarser than a step is nearly the same number,
  rounded: an element may differ by the type's epsilon beside that, but by the RMS only one in a thousand does.
- NaN and infinities must stand at the same places. What is not finite is not compared, and that is told.
- Integers must be equal, unless moves change some: then at most MARGIN times that part of them may differ. Of 8-bit
  integers one in a thousand may differ by 1 if the program rounds at all, since requantisation decides by halves.
- If nothing that the program computes can round (integers alone), outputs must be equal.

A dispatch that sums and rounds nothing else (`Arithmetic.is_exact`) is also run on data whose sums are exact in the
type that they are held in: small integers, few enough of them not 0. There every order gives the same result, and
outputs must be equal: a missing part of a sum shows however coarse the type is.

The step for a sum of K products, held in a type whose epsilon (the gap after 1) is e, is 0.35 * e * sqrt(K), at least
the epsilon of the least precise type that is computed in. In a dispatch narrowing a number is none of that, for all its
programs narrow it there, and few numbers fall to another side; in a model, where these add up, it is. Why 0.35:
each of the K additions errs by at most e/2 of a partial sum that grows like sqrt(i), so the sum errs by about
e * K / (6 * sqrt(2)) for products of uniform numbers in [-1, 1), and moves of both factors by 0.35 * e * sqrt(K) change
it by nearly the same.
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

# So many times its sensitivity an output may differ. A correct program of many layers errs by about the square root of
# their number as much as one move does.
MARGIN = 4.0
# Part of a step of the sum's type for each square root of a product in the sum.
_STEP_OF_SUM = 0.35
# Of outputs that are made by rounding alone (8-bit integers, floats of a type coarser than a step), this part may
# differ by 1 in the last place; of few elements it may be one.
_ROUNDED_APART = 1e-3
# The RMS of uniform moves, the largest being 1.
_RMS_OF_MOVES = 1 / math.sqrt(3)
# Beyond this part of an output that is not finite, it is told that so much was not compared.
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
# Elements that are compared at a time: they stay in cache.
_PIECE = 1 << 16

Array = npt.NDArray[Any]


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a type is a floating-point one, numpy's own or a narrow one of ml_dtypes."""
    return dtype in _FLOATS


def epsilon_of(element_type: str) -> float:
    """The gap between 1 and the next number of a float type, by MLIR's name; 0 for integers."""
    return _EPSILON.get(element_type, 0.0)


def step_of(arithmetic: Arithmetic) -> float:
    """The part of its value by which rounding moves a number in such a program; 0 if nothing is rounded."""
    of_sums = _STEP_OF_SUM * math.sqrt(arithmetic.terms) * epsilon_of(arithmetic.accumulator)
    return max(of_sums, epsilon_of(arithmetic.narrowest))


def nonzero_factors(arithmetic: Arithmetic, factors: int) -> float:
    """The part of the numbers in each of so many factors that may be 1 or -1, the others 0, so that sums are exact.

    A sum then holds half as many products as the integers go that its type holds exactly, or fewer.
    """
    epsilon = epsilon_of(arithmetic.accumulator)
    exact_to = 2.0 / epsilon if epsilon else math.inf
    of_products = min(4 / 9, exact_to / 2 / max(1, arithmetic.terms))
    return math.sqrt(of_products) if factors > 1 else of_products


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What moved inputs do to one output, and how large it is.

    `largest` and `rms` are those of the differences, of integers too; `changed` the part of the elements that differ;
    `size_largest` and `size_rms` are the output's own. `unfinite` is the part that is NaN or infinite, and left out.
    `elements` is the number of all.
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
    """How far one output may be from the reference: the largest difference, and the RMS of all.

    `changed` is the part of an integer output's elements that may differ at all.
    """

    largest: float = 0.0
    rms: float = 0.0
    changed: float = 0.0

    @staticmethod
    def of(sensitivity: Sensitivity, step: float) -> Tolerance:
        """For an output of this sensitivity to moves by `step`. The rule stands in the module's description."""
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
    """Whether outputs agree, the largest difference, what differs if they do not, and by which tolerance.

    The tolerance is that of the output that came nearest to its own. `unfinite` is the largest part of an output that
    could not be compared, since the reference is NaN or infinite there.
    """

    passed: bool
    max_error: float
    detail: str = ""
    tolerance: Tolerance | None = None
    unfinite: float = 0.0


def compare(reference: Sequence[Array], actual: Sequence[Array], tolerances: Sequence[Tolerance]) -> Verification:
    """Compares outputs, each with its own tolerance; one tolerance alone serves all."""
    if len(reference) != len(actual):
        return Verification(False, math.inf, f"{len(actual)} outputs instead of {len(reference)}", tolerances[0])
    if len(tolerances) == 1:
        tolerances = [*tolerances] * len(reference)
    worst, nearest, unfinite = 0.0, -1.0, 0.0
    told: Tolerance | None = None
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
            nearest, told = near, tolerance
    return Verification(True, worst, "", told, unfinite)


def sensitivity_of(reference: Sequence[Array], moved: Sequence[Sequence[Array]]) -> tuple[Sensitivity, ...]:
    """What moves did to each output, the most that any did. `moved`: the outputs of each move."""
    found = []
    for index, expected in enumerate(reference):
        differences = [_Differences.between(expected, outputs[index]) for outputs in moved]
        size = _Differences.between(
            np.where(np.isfinite(_wide(expected)), 0, expected).astype(expected.dtype), expected
        )
        found.append(
            Sensitivity(
                name_of(expected.dtype),
                max((each.largest for each in differences if math.isfinite(each.largest)), default=0.0),
                max((each.rms for each in differences if math.isfinite(each.rms)), default=0.0),
                max((each.changed for each in differences), default=0.0),
                size.largest,
                size.rms,
                size.unfinite,
                expected.size,
            )
        )
    return tuple(found)


def name_of(dtype: np.dtype[Any]) -> str:
    """MLIR's name of a float type, numpy's of another."""
    return _FLOATS.get(dtype, dtype.name)


def dtype_named(name: str) -> np.dtype[Any]:
    """The type that `name_of` named so."""
    floats = {value: key for key, value in _FLOATS.items()}
    return floats.get(name) or np.dtype(name)


@dataclass(frozen=True, slots=True)
class _Differences:
    """How one output differs from the reference, what is not finite there left out.

    `largest` and `rms` are infinite if something that should be finite is not, or if what is not finite differs.
    """

    largest: float
    rms: float
    changed: float
    unfinite: float

    @staticmethod
    def between(expected: Array, got: Array) -> _Differences:
        """Compares piece by piece: nearly all outputs are finite, and then this is one pass in cache."""
        size = max(1, expected.size)
        largest = squares = 0.0
        changed = unfinite = 0
        flat_expected, flat_got = expected.reshape(-1), got.reshape(-1)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, expected.size, _PIECE):
                wanted, found = (_wide(each[start : start + _PIECE]) for each in (flat_expected, flat_got))
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
        """Why this is more than the tolerance, for people; "" if it is not."""
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
            return f"all differences together have an RMS of {self.rms:.3g}, and {tolerance.rms:.3g} is allowed"
        return ""


def _wide(array: Array) -> Array:
    """Numbers of a type in which differences can be taken: f64 for wide ones, else f32."""
    if array.dtype.kind in "iub":
        return array.astype(np.float64 if array.dtype.itemsize < 8 else np.longdouble)
    return array.astype(np.float64 if array.dtype == np.float64 else np.float32, copy=False)


def _part(value: float, whole: float) -> float:
    return value / whole if whole else 0.0

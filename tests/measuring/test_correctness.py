# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rule on outputs passes every correct program and refuses planted wrong ones, in every type."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.dispatch import Arithmetic
from tuner.measuring import Tolerance, compare
from tuner.measuring.correctness import (
    MARGIN,
    Array,
    Sensitivity,
    dtype_named,
    epsilon_of,
    name_of,
    nonzero_factors,
    sensitivity_of,
    step_of,
)
from tuner.measuring.dispatch_data import exact_array, moved, random_array

K = 512
EXACT = (Tolerance(),)
TYPES = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
}
NARROW = ("f16", "bf16", "f8E4M3FN", "f8E5M2")


def product(a: np.ndarray, b: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A @ B.T, summed product by product in the given order, rounded to the type after each addition."""
    total = np.zeros((a.shape[0], b.shape[0]), dtype=a.dtype)
    for k in order:
        total += np.outer(a[:, k], b[:, k]).astype(a.dtype)
    return total


def tolerances_of(a: np.ndarray, b: np.ndarray) -> list[Tolerance]:
    """The tolerances of the product, from what it does if its inputs are moved."""
    element_type = name_of(a.dtype)
    step = step_of(Arithmetic(a.shape[1], element_type, element_type, is_exact=True))
    rng = np.random.default_rng(9)
    straight = np.arange(a.shape[1])
    changed = product(moved(a, step, rng), moved(b, step, rng), straight)
    return [Tolerance.of(found, step) for found in sensitivity_of([product(a, b, straight)], [[changed]])]


@pytest.fixture(name="operands", scope="module", params=["f64", "f32", "f16", "bf16"])
def make_operands(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a, b = (random_array((100, K), TYPES[request.param], rng) for _ in range(2))
    return a, b


def test_another_order_of_summation_passes(operands: tuple[np.ndarray, np.ndarray]) -> None:
    straight = product(*operands, np.arange(K))
    tolerances = tolerances_of(*operands)
    for seed in range(3):
        shuffled = product(*operands, np.random.default_rng(seed).permutation(K))
        assert not np.array_equal(straight, shuffled)
        verification = compare([straight], [shuffled], tolerances)
        assert verification.passed, verification.detail
        assert 0 < verification.max_error < tolerances[0].largest


def test_a_missing_sixteenth_of_a_sum_is_caught(operands: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = operands
    if a.dtype == ml_dtypes.bfloat16:
        pytest.skip("sums of bf16 err by as much on random data: exact data finds it, see below")
    verification = compare([product(a, b, np.arange(K))], [product(a, b, np.arange(K - K // 16))], tolerances_of(a, b))
    assert not verification.passed
    assert verification.detail.startswith("output 0: ")


@pytest.mark.parametrize("element_type", ["f32", *NARROW])
@pytest.mark.parametrize("terms", [16, 512, 4096])
def test_on_exact_data_every_order_agrees_and_a_missing_part_shows(element_type: str, terms: int) -> None:
    """The integers of f8 reach 8 or 16, so few products are not 0: any order passes, and a missing 1/16 is refused."""
    arithmetic = Arithmetic(terms, element_type, element_type, is_exact=True)
    nonzero = nonzero_factors(arithmetic, 2)
    rng = np.random.default_rng(1)
    a, b = (exact_array((48, terms), TYPES[element_type], nonzero, rng) for _ in range(2))
    straight = product(a, b, np.arange(terms))
    assert compare([straight], [product(a, b, rng.permutation(terms))], EXACT).passed
    assert not compare([straight], [product(a, b, np.arange(terms - terms // 16))], EXACT).passed


@pytest.mark.parametrize("spoil", ["one unwritten", "one swapped", "zero", "infinite", "all zero", "all NaN"])
def test_a_spoilt_element_is_caught(operands: tuple[np.ndarray, np.ndarray], spoil: str) -> None:
    reference = product(*operands, np.arange(K))
    actual = reference.copy()
    largest = np.unravel_index(np.abs(reference.astype(np.float64)).argmax(), reference.shape)
    match spoil:
        case "one unwritten":
            actual[3, 5] = np.nan
        case "one swapped":
            actual[largest] = -actual[largest]
        case "zero":
            actual[largest] = 0
        case "infinite":
            actual[0, 0] = np.inf
        case "all zero":
            actual[...] = 0
        case "all NaN":
            actual[...] = np.nan
    tolerances = tolerances_of(*operands)
    assert compare([reference], [reference.copy()], tolerances).passed
    assert not compare([reference], [actual], tolerances).passed


def test_outputs_are_never_mixed() -> None:
    """A large integer beside probabilities does not widen the tolerance of the probabilities."""
    probabilities = np.random.default_rng(0).random(1000, dtype=np.float32)
    token = np.array([50256], dtype=np.int64)
    reference: list[Array] = [token, probabilities]
    close = [token, probabilities * np.float32(1 + 1e-7)]
    tolerances = [Tolerance.of(found, 1e-6) for found in sensitivity_of(reference, [close])]
    assert compare(reference, close, tolerances).passed
    assert not compare(reference, [token, np.zeros_like(probabilities)], tolerances).passed
    assert not compare(reference, [token + 1, probabilities], tolerances).passed


def test_what_is_not_finite_is_compared_by_place_and_reported() -> None:
    reference = np.linspace(-1, 1, 100, dtype=np.float32)
    reference[:3] = np.nan, np.inf, -np.inf
    tolerances = [Tolerance(1e-3, 1e-3)]
    same = compare([reference], [reference + np.float32(1e-4)], tolerances)
    assert same.passed
    assert same.unfinite == pytest.approx(0.03)
    for place, value in ((0, 0.0), (1, -np.inf), (2, np.nan), (50, np.inf)):
        other = reference.copy()
        other[place] = value
        assert not compare([reference], [other], tolerances).passed


@pytest.mark.parametrize("element_type", ["f16", "bf16", "f8E5M2", "f8E4M3FN"])
def test_one_unit_in_the_last_place_passes_wherever_the_type_is_rounded_to(element_type: str) -> None:
    reference = np.linspace(-1, 1, 1000).astype(TYPES[element_type])
    up = (reference.astype(np.float64) * (1 + epsilon_of(element_type))).astype(reference.dtype)
    step = step_of(Arithmetic(1, "f32", element_type))
    tolerances = [Tolerance.of(found, step) for found in sensitivity_of([reference], [[reference]])]
    assert compare([reference], [up], tolerances).passed
    unwritten = reference.copy()
    unwritten[2] = np.nan
    assert not compare([reference], [unwritten], tolerances).passed
    assert not compare([reference], [-reference], tolerances).passed


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_])
def test_integers_must_be_equal_if_nothing_is_rounded(dtype: type) -> None:
    reference: Array = (np.arange(5000) % 2).astype(dtype)
    other = reference.copy()
    other[4] = 1 - other[4]
    tolerances = [Tolerance.of(found, 0.0) for found in sensitivity_of([reference], [])]
    assert compare([reference], [reference.copy()], tolerances).passed
    verification = compare([reference], [other], tolerances)
    assert not verification.passed
    assert "1 of 5000 elements differ" in verification.detail


def test_large_integers_are_not_compared_as_floats() -> None:
    reference = np.array([2**62], dtype=np.int64)
    assert not compare([reference], [reference + 1], EXACT).passed


def test_requantised_integers_may_differ_by_one_in_a_thousand() -> None:
    reference = np.arange(10_000).astype(np.int8)
    tolerances = [Tolerance.of(found, 1e-6) for found in sensitivity_of([reference], [[reference]])]
    few, many, far = reference.copy(), reference.copy(), reference.copy()
    few[:10] += 1
    many[:11] += 1
    far[0] += 2
    assert compare([reference], [few], tolerances).passed
    assert not compare([reference], [many], tolerances).passed
    assert not compare([reference], [far], tolerances).passed


def test_indices_may_change_as_often_as_moves_change_them() -> None:
    reference = np.arange(1000, dtype=np.int64)
    once = reference.copy()
    once[:2] += 7
    tolerances = [Tolerance.of(found, 1e-3) for found in sensitivity_of([reference], [[once]])]
    as_often, more_often = reference.copy(), reference.copy()
    as_often[-8:] += 3
    more_often[-9:] += 3
    assert compare([reference], [as_often], tolerances).passed
    assert not compare([reference], [more_often], tolerances).passed


def test_another_shape_type_or_number_of_outputs_is_caught() -> None:
    reference = np.zeros((2, 3), dtype=np.float32)
    assert not compare([reference], [], EXACT).passed
    assert not compare([reference], [reference.T.copy()], EXACT).passed
    assert not compare([reference], [reference.astype(np.float64)], EXACT).passed


@pytest.mark.parametrize("at", [0, 65535, 65536, 149_999])
def test_every_place_of_a_large_output_is_compared(at: int) -> None:
    reference = np.random.default_rng(0).random((3, 50_000), dtype=np.float32)
    tolerances = [Tolerance(1e-3, 1e-3)]
    close = reference + np.float32(5e-4)
    verification = compare([reference], [close], tolerances)
    assert verification.passed and 4e-4 < verification.max_error < 6e-4
    close.reshape(-1)[at] += 0.01
    assert not compare([reference], [close], tolerances).passed


def test_many_small_differences_are_caught_together() -> None:
    reference = np.random.default_rng(0).random(10_000, dtype=np.float32)
    verification = compare([reference], [reference + np.float32(5e-4)], [Tolerance(largest=1e-3, rms=1e-4)])
    assert not verification.passed
    assert "RMS" in verification.detail


@given(
    effect=st.floats(4.01, 1e6),
    size=st.floats(1e-3, 1e3),
    sensitivity=st.floats(1e-6, 1e-2),
)
def test_whatever_exceeds_four_times_the_sensitivity_is_found(effect: float, size: float, sensitivity: float) -> None:
    reference = np.full(64, size)
    measured = [reference * (1 + sensitivity)]
    tolerances = [Tolerance.of(found, 0.0) for found in sensitivity_of([reference], [measured])]
    assert MARGIN == 4.0
    assert not compare([reference], [reference * (1 + effect * sensitivity)], tolerances).passed
    assert compare([reference], [reference * (1 + 3.9 * sensitivity)], tolerances).passed


@given(st.sampled_from([*TYPES.values(), np.int8, np.bool_, np.int64]))
def test_types_keep_their_names(kind: type) -> None:
    dtype = np.dtype(kind)
    assert dtype_named(name_of(dtype)) == dtype


def test_a_step_follows_the_longest_sum_and_the_least_precise_type() -> None:
    assert step_of(Arithmetic()) == 0.0
    assert step_of(Arithmetic(terms=10_000, accumulator="f32", narrowest="f16")) == epsilon_of("f16")
    assert step_of(Arithmetic(terms=10_000, accumulator="f16", narrowest="f16")) == 0.35 * 100 * epsilon_of("f16")


def test_an_output_that_does_not_answer_to_moves_may_still_be_rounded() -> None:
    still = Sensitivity("f32", largest=0.0, rms=0.0, changed=0.0, size_largest=2.0, size_rms=1.0, unfinite=0.0)
    tolerance = Tolerance.of(still, step=1e-5)
    assert math.isclose(tolerance.largest, 8e-5)
    assert math.isclose(tolerance.rms, 4e-5 / math.sqrt(3))


@pytest.mark.parametrize("element_type", ["f16", "bf16", "f8E4M3FN", "f8E5M2"])
def test_few_elements_of_a_narrow_output_may_be_rounded_apart(element_type: str) -> None:
    """Nearly the same f32 values, rounded: those near a midpoint differ by one in the last place."""
    rng = np.random.default_rng(0)
    exact = rng.uniform(-1, 1, 50_000)
    reference, other = (
        (exact * (1 + 1e-6 * rng.uniform(-1, 1, exact.shape))).astype(TYPES[element_type]) for _ in range(2)
    )
    (tolerance,) = (Tolerance.of(found, 1e-6) for found in sensitivity_of([reference], [[reference]]))
    assert compare([reference], [other], [tolerance]).passed
    scaled = (exact * (1 + epsilon_of(element_type) / 4)).astype(TYPES[element_type])
    assert not compare([reference], [scaled], [tolerance]).passed


def test_a_single_element_may_be_rounded_to_its_neighbour() -> None:
    reference = np.array([1.5], dtype=TYPES["bf16"])
    tolerances = [Tolerance.of(found, 1e-6) for found in sensitivity_of([reference], [[reference]])]
    assert compare([reference], [np.array([1.5 + 2**-7], dtype=TYPES["bf16"])], tolerances).passed
    assert not compare([reference], [np.array([1.5 + 2**-4], dtype=TYPES["bf16"])], tolerances).passed

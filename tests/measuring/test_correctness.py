# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The comparison passes every correct kernel and catches planted wrong ones."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from tuner.measuring import Tolerance, compare

K = 512
Operands = tuple[np.ndarray, np.ndarray]


@pytest.fixture(name="operands", scope="module")
def make_operands() -> Operands:
    rng = np.random.default_rng(0)
    a, b = (rng.random((200, K), dtype=np.float32) * 2 - 1 for _ in range(2))
    return a, b


def product(a: np.ndarray, b: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A @ B.T, one product after the other in the given order, all in f32."""
    total = np.zeros((a.shape[0], b.shape[0]), dtype=np.float32)
    for k in order:
        total += np.outer(a[:, k], b[:, k])
    return total


def test_another_order_of_summation_passes(operands: Operands) -> None:
    a, b = operands
    straight = product(a, b, np.arange(K))
    shuffled = product(a, b, np.random.default_rng(1).permutation(K))
    assert not np.array_equal(straight, shuffled)
    verification = compare([straight], [shuffled], Tolerance.of_sum("f32", K))
    assert verification.passed
    assert 0 < verification.max_error < 1e-4


def test_a_missing_product_is_caught(operands: Operands) -> None:
    a, b = operands
    verification = compare([product(a, b, np.arange(K))], [product(a, b, np.arange(K - 1))], Tolerance.of_sum("f32", K))
    assert not verification.passed
    assert "elements of output 0 differ" in verification.detail


@pytest.mark.parametrize("spoil", ["one unwritten", "one swapped", "zero", "infinite"])
def test_a_spoilt_element_is_caught(operands: Operands, spoil: str) -> None:
    reference = product(*operands, np.arange(K))
    actual = reference.copy()
    match spoil:
        case "one unwritten":
            actual[3, 5] = np.nan
        case "one swapped":
            actual[3, 5], actual[3, 6] = actual[3, 6], actual[3, 5]
        case "zero":
            actual[-1, -1] = 0
        case "infinite":
            actual[0, 0] = np.inf
    assert not compare([reference], [actual], Tolerance.of_sum("f32", K)).passed


def test_nan_in_the_reference_must_be_nan(operands: Operands) -> None:
    reference = product(*operands, np.arange(K))
    reference[1, 1] = np.nan
    assert compare([reference], [reference.copy()], Tolerance.of_sum("f32", K)).passed
    assert not compare([reference], [np.nan_to_num(reference)], Tolerance.of_sum("f32", K)).passed


@pytest.mark.parametrize("element_type", ["float16", "bfloat16", "float8_e5m2"])
def test_narrow_floats_are_compared_as_floats(element_type: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, element_type, None) or element_type)
    reference = np.linspace(-1, 1, 9, dtype=np.float32).astype(dtype)
    unwritten = reference.copy()
    unwritten[2] = np.nan
    tolerance = Tolerance(absolute=1e-3, relative=0.0)
    assert compare([reference], [reference.copy()], tolerance).passed
    assert not compare([reference], [unwritten], tolerance).passed
    assert not compare([reference], [-reference], tolerance).passed


def test_integers_must_be_equal() -> None:
    reference = np.arange(6, dtype=np.int32)
    off_by_one = reference.copy()
    off_by_one[4] += 1
    assert compare([reference], [reference.copy()], Tolerance.of_sum("i32", K)).passed
    assert not compare([reference], [off_by_one], Tolerance.of_sum("i32", K)).passed


def test_another_shape_type_or_number_of_outputs_is_caught() -> None:
    reference = np.zeros((2, 3), dtype=np.float32)
    tolerance = Tolerance.of_sum("f32", 1)
    assert not compare([reference], [], tolerance).passed
    assert not compare([reference], [reference.T.copy()], tolerance).passed
    assert not compare([reference], [reference.astype(np.float64)], tolerance).passed


def test_a_models_tolerance_scales_with_its_outputs() -> None:
    reference = [np.array([1000.0, 1.0], dtype=np.float32)]
    tolerance = Tolerance.of_model(reference)
    assert compare(reference, [reference[0] + np.float32(0.05)], tolerance).passed
    assert not compare(reference, [reference[0] + np.float32(0.5)], tolerance).passed


def test_an_infinite_reference_must_be_the_same_infinity() -> None:
    reference = np.array([1.0, np.inf, -np.inf], dtype=np.float32)
    tolerance = Tolerance(absolute=1e-3, relative=1e-3)
    assert compare([reference], [reference.copy()], tolerance).passed
    assert not compare([reference], [np.array([1.0, 2.0, -np.inf], dtype=np.float32)], tolerance).passed
    assert not compare([reference], [-reference], tolerance).passed


@pytest.mark.parametrize("at", [0, 65535, 65536, 149_999])
def test_every_place_of_a_large_output_is_compared(at: int) -> None:
    reference = np.random.default_rng(0).random((3, 50_000), dtype=np.float32)
    tolerance = Tolerance(absolute=1e-3, relative=0.0)
    close = reference + np.float32(5e-4)
    verification = compare([reference], [close], tolerance)
    assert verification.passed and 4e-4 < verification.max_error < 6e-4
    close.reshape(-1)[at] += 0.01
    assert not compare([reference], [close], tolerance).passed

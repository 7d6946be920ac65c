# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs on the same data: equal bits, other bits within the tolerance, and faults that show late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tuner.measuring.correctness import Array, Tolerance, Verification, compare
from tuner.measuring.repeating import Repeated, repeated

REFERENCE = [np.ones((2, 3), np.float32)]
TOLERANCE = (Tolerance(largest=0.1, rms=0.1),)
RUNS = 20


def after(runs: int, outputs: list[Array]) -> Iterator[list[Array]]:
    """The outputs of a program that is right so many times, and then gives others."""
    for _ in range(runs):
        yield [array.copy() for array in REFERENCE]
    while True:
        yield outputs


def found(runs: int, outputs: list[Array], *, exactly: bool) -> Repeated:
    program = after(runs, outputs)

    def judge(actual: object) -> Verification:
        assert isinstance(actual, list)
        return compare(REFERENCE, actual, TOLERANCE)

    return repeated(lambda: next(program), judge, RUNS, exactly=exactly)


@pytest.mark.parametrize("exactly", [True, False])
def test_equal_outputs_are_as_right_as_the_first(exactly: bool) -> None:
    end = found(RUNS, REFERENCE, exactly=exactly)
    assert (end.verification.passed, end.run) == (True, RUNS)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("right", [0, 1, 16, RUNS - 1])
def test_a_wrong_run_is_found_however_late(right: int, exactly: bool) -> None:
    end = found(right, [np.full((2, 3), 2, np.float32)], exactly=exactly)
    assert not end.verification.passed
    assert end.run == right + 1
    assert "the first at [0, 0]: 2.0 instead of 1.0" in end.verification.detail
    assert ("another result than in run 1" in end.verification.detail) == (exactly and right > 0)


def test_other_bits_within_the_tolerance_are_wrong_if_the_defaults_are_always_the_same() -> None:
    near = [np.full((2, 3), 1.05, np.float32)]
    assert found(7, near, exactly=True).run == 8
    assert not found(7, near, exactly=True).verification.passed
    end = found(7, near, exactly=False)
    assert (end.verification.passed, end.run) == (True, RUNS)
    assert end.verification.max_error == pytest.approx(0.05, rel=1e-3)


def test_bits_of_nan_count_by_their_place() -> None:
    nan = [np.array([np.nan, 1], np.float16)]
    program = iter([nan] * RUNS)
    end = repeated(lambda: next(program), lambda actual: compare(nan, actual, TOLERANCE), RUNS, exactly=True)
    assert end.verification.passed


def test_two_zeros_are_told_apart() -> None:
    zero, minus = [np.zeros((), np.float32)], [np.array(-0.0, np.float32)]
    program = iter([zero, minus])
    end = repeated(lambda: next(program), lambda actual: compare(zero, actual, TOLERANCE), 2, exactly=True)
    assert not end.verification.passed
    assert "bits that stand for the same numbers" in end.verification.detail

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Durations as users write them, and what is left of a budget."""

from __future__ import annotations

import time

import pytest

from tuner.errors import InputError
from tuner.evaluate.budget import Budget, parse_duration_s


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0.5h", 1800), ("7d", 604800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "20", "m", "20 m", "-5m", "20m!", "0s", "5m3"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--budget"):
        parse_duration_s(text, "--budget")


def test_a_part_ends_with_the_whole() -> None:
    budget = Budget(100.0)
    assert 99 < budget.left_s <= 100
    assert 49 < budget.part(50.0).left_s <= 50
    assert 99 < budget.part(200.0).left_s <= 100
    assert budget.part(-1.0).left_s <= 0
    assert 69 < budget.less(30.0).left_s <= 70


def test_without_an_end_there_is_none_in_any_part() -> None:
    assert not Budget().is_limited
    assert Budget().part(1.0).left_s == Budget().less(1.0).left_s == float("inf")


def test_a_budget_counts_from_its_start() -> None:
    assert Budget(100.0, time.monotonic() - 40).left_s == pytest.approx(60, abs=1)

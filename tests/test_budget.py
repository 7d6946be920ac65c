# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Durations as users write them, and what is left of a budget."""

from __future__ import annotations

import pytest

from tuner.budget import Budget, parse_duration_s
from tuner.errors import InputError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0.5h", 1800)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "m", "20 m", "-5m", "20m!", "0s", "5m3"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--budget"):
        parse_duration_s(text)


def test_a_part_is_a_part_of_what_is_left() -> None:
    budget = Budget(100.0)
    assert 99 < budget.left_s <= 100
    assert 49 < budget.part(0.5).left_s <= 50
    assert not Budget().is_limited
    assert Budget().part(0.1).left_s == float("inf")

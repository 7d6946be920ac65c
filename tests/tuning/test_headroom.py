# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far dispatches are below the usual rates."""

from __future__ import annotations

import pytest

from tuner.rates.work import Work
from tuner.tuning.headroom import headrooms


def test_who_is_far_below_the_others_has_headroom() -> None:
    """Nine dispatches reach 1e9 iterations a second, one a twentieth of it; bytes decide nothing."""
    works = [Work(1e6, 1.0)] * 10
    *usual, slow = headrooms(works, [1e-3] * 9 + [2e-2])
    assert usual == [pytest.approx(1.0)] * 9
    assert slow == pytest.approx(20.0)


def test_who_moves_many_bytes_is_compared_by_bytes() -> None:
    """Sums of few numbers do few iterations a second, and are as fast as memory is."""
    works = [Work(1e9, 1e6)] * 9 + [Work(1e6, 1e9)] * 9
    assert headrooms(works, [1.0] * 18) == [pytest.approx(1.0)] * 18


def test_one_fast_dispatch_is_not_what_is_usual() -> None:
    *usual, fast = headrooms([Work(1e6, 1.0)] * 10, [1e-3] * 9 + [1e-5])
    assert max(usual) == fast == 1.0


def test_of_no_dispatch_and_of_no_work_nothing_is_known() -> None:
    assert headrooms([], []) == []
    assert headrooms([Work(0.0, 0.0)], [0.0]) == [1.0]

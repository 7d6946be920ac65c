# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What more effort would give."""

from __future__ import annotations

import pytest

from tuner.knowledge.prospects import prospect, reached


@pytest.mark.parametrize("target", ["cpu", "cuda", "rocm"])
def test_more_candidates_reach_more(target: str) -> None:
    parts = [reached(target, candidates) for candidates in (1, 2, 4, 8, 12, 16, 30, 100)]
    assert parts == sorted(parts)
    assert 0.5 < parts[0] < parts[-1] <= 1.0


def test_a_sentence_says_what_is_to_be_gained() -> None:
    assert prospect("cuda", 1).startswith("The first guess reached 89%")
    assert "best of 8 candidates" in prospect("cpu", 8)
    assert prospect("cpu", 100) == ""

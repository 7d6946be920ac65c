# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers of things."""

from __future__ import annotations

import pytest

from tuner.wording import counted


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "dispatch", "1 dispatch"),
        (0, "dispatch", "0 dispatches"),
        (2, "entry", "2 entries"),
        (1200, "problem", "1,200 problems"),
    ],
)
def test_one_of_something_is_no_plural(count: int, noun: str, text: str) -> None:
    assert counted(count, noun) == text

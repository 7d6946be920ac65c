# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One line of what other code reports."""

from __future__ import annotations

import pytest

from tuner.foreign import error_line, reason_of


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Failed to run passes:\n  error: no such op\nerror: again", "error: no such op"),
        ("\n\n  NOT_FOUND; no such file\n  at frame 1", "NOT_FOUND; no such file"),
        ("model.mlir:1:2: error: \x1b[31mred", "error: \\x1b[31mred"),
        ("", "ValueError('')"),
    ],
)
def test_an_error_is_reported_in_one_line(text: str, line: str) -> None:
    assert reason_of(ValueError(text)) == line


def test_text_without_an_error_has_no_line() -> None:
    assert error_line("remark: fine\nwarning: slow") == ""

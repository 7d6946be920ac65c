# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sentences on a terminal: broken between words, which a terminal itself does not do."""

from __future__ import annotations

import textwrap

# What a command to copy is indented by.
INDENT = "  "


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most `width` columns, broken at spaces.

    Longer words, as paths are, stay whole. So do commands to copy: lines that are indented by `INDENT` alone, and what
    follows a backslash at the end of a line.
    """
    lines = text.split("\n")
    return "\n".join(
        line if before.endswith("\\") else _filled(line, max(width, 1))
        for before, line in zip(("", *lines), lines, strict=False)
    )


def _filled(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    if indent == INDENT:
        return line
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)

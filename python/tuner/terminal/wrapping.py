# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sentences on a terminal: broken between words, which a terminal itself does not do."""

from __future__ import annotations

import textwrap

# What a command to copy is indented by.
INDENT = "  "


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most `width` columns, broken at spaces.

    Longer words, as paths are, stay whole. So do lines that are indented by `INDENT` alone: they are commands to copy.
    """
    return "\n".join(_filled(line, max(width, 1)) for line in text.split("\n"))


def _filled(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    if indent == INDENT:
        return line
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)

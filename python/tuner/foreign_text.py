# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text that others wrote, made harmless when it is read: what comes of it is shown on terminals and in reports."""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any

# Control characters but tab and newline, halves of surrogate pairs, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# So many letters of a value are shown in a message.
_SHOWN = 40


def printable(text: str) -> str:
    """The text with each character that acts on a terminal written as an escape sequence of Python's."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text)


def shown(value: Any) -> str:
    """The beginning of a value for a message, however large or deep the value is."""
    return printable((value if isinstance(value, str) else reprlib.repr(value))[:_SHOWN])


def parse_json(text: str | bytes) -> Any:
    """What JSON says. Raises ValueError with the reason if it is none, is nested too deeply, or holds NaN."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is no number")

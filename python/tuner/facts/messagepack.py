# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads MessagePack, as far as notes of code objects use it: maps, lists, text, numbers, booleans, nothing.

Source: the MessagePack specification.
"""

from __future__ import annotations

import struct
from typing import Any

# By the first byte: the format of a number that follows, as of `struct`.
_NUMBERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_FLOATS = {0xCA: ">f", 0xCB: ">d"}
# By the first byte: the format of a length that follows.
_TEXTS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_LISTS, _MAPS = {0xDC: ">H", 0xDD: ">I"}, {0xDE: ">H", 0xDF: ">I"}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# Lists and maps within one another; there are five in a code object.
_DEEPEST = 32


def read(content: bytes) -> Any:
    """The first value in `content`. Raises ValueError or struct.error for other forms and for what is cut off."""
    return _Reader(content).value(0)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("MessagePack that is nested too deeply")
        first = self._unpacked(">B")
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 0x100
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS or first in _FLOATS:
            return self._unpacked(_NUMBERS.get(first) or _FLOATS[first])
        if first < 0x90 or first in _MAPS:
            return self._map(first & 0x0F if first < 0x90 else self._unpacked(_MAPS[first]), depth)
        if first < 0xA0 or first in _LISTS:
            length = first & 0x0F if first < 0xA0 else self._unpacked(_LISTS[first])
            return [self.value(depth + 1) for _ in range(self._fitting(length))]
        if first < 0xC0 or first in _TEXTS:
            return self._text(first & 0x1F if first < 0xC0 else self._unpacked(_TEXTS[first]))
        raise ValueError(f"MessagePack of the form {first:#x}")

    def _map(self, length: int, depth: int) -> dict[str, Any]:
        found = {}
        for _ in range(self._fitting(length)):
            key = self.value(depth + 1)
            found[str(key)] = self.value(depth + 1)
        return found

    def _text(self, length: int) -> str:
        self._fitting(length)
        start, self._at = self._at, self._at + length
        return self._content[start : self._at].decode(errors="replace")

    def _fitting(self, length: int) -> int:
        """The length, if so many bytes are left. Raises ValueError."""
        if length > len(self._content) - self._at:
            raise ValueError("MessagePack that is cut off")
        return length

    def _unpacked(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return value

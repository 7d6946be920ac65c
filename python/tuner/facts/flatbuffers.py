# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads tables of FlatBuffers, as far as IREE's executables need it.

Source: the FlatBuffers internals page. A table starts with the distance back to its list of fields; that list has its
own size, the table's, then the place of each field in the table, 0 if it is absent. Everything is little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a buffer, at `place`. Reading raises struct.error or ValueError if the buffer is none."""

    buffer: bytes
    place: int

    @staticmethod
    def root(buffer: bytes) -> Table:
        """The table that a buffer starts with."""
        return Table(buffer, _number(buffer, 0))

    def number(self, field: int) -> int:
        """An unsigned number of 32 bits; 0 if it is absent."""
        place = self._place_of(field)
        return _number(self.buffer, place) if place else 0

    def numbers(self, field: int, count: int) -> tuple[int, ...]:
        """A struct of so many unsigned numbers of 32 bits; empty if it is absent."""
        place = self._place_of(field)
        return struct.unpack_from(f"<{count}I", self.buffer, place) if place else ()

    def content(self, field: int) -> bytes:
        """The bytes of a string or of a vector of bytes; empty if it is absent."""
        place, length = self._vector(field)
        return self.buffer[place : place + length]

    def tables(self, field: int) -> tuple[Table, ...]:
        """The tables of a vector of tables."""
        place, length = self._vector(field)
        if length > len(self.buffer):
            raise ValueError("a vector is longer than its buffer")
        places = range(place, place + 4 * length, 4)
        return tuple(Table(self.buffer, at + _number(self.buffer, at)) for at in places)

    def _place_of(self, field: int) -> int:
        """The place of a field in the buffer, 0 if it is absent."""
        (back,) = struct.unpack_from("<i", self.buffer, self.place)
        fields = self.place - back
        if fields < 0:
            raise ValueError("a table has no list of fields")
        (size,) = struct.unpack_from("<H", self.buffer, fields)
        entry = 4 + 2 * field
        if entry + 2 > size:
            return 0
        (offset,) = struct.unpack_from("<H", self.buffer, fields + entry)
        return self.place + offset if offset else 0

    def _vector(self, field: int) -> tuple[int, int]:
        """The place of the first element of a vector, and how many there are."""
        place = self._place_of(field)
        if not place:
            return 0, 0
        start = place + _number(self.buffer, place)
        return start + 4, _number(self.buffer, start)


def _number(buffer: bytes, place: int) -> int:
    (number,) = struct.unpack_from("<I", buffer, place)
    return int(number)

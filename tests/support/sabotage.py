# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns a compiled dispatch into one that crashes, hangs or lies: its machine code is overwritten."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import faults

_ELF = b"\x7fELF\x02\x01\x01"
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_DYNSYM = 11
_EXECUTABLE = 4

# x86-64 machine code, each instruction sequence repeated over the whole function.
DEEDS = {
    "illegal instruction": b"\x0f\x0b",  # ud2
    "segfault": b"\x31\xc0\x89\x00",  # xor eax, eax; mov [rax], eax
    "hang": b"\xeb\xfe",  # jump to itself
    "write nothing": b"\x31\xc0\xc3\x90",  # xor eax, eax; ret; nop: functions begin at multiples of four
}


def spoil(binary: Path, deed: str) -> None:
    """Overwrites the code of every kernel in a VM binary; what loads it stays whole."""
    data = bytearray(binary.read_bytes())
    start = data.index(_ELF)
    headers_at = struct.unpack_from("<Q", data, start + 40)[0]
    count = struct.unpack_from("<H", data, start + 60)[0]
    sections = [
        _SECTION_HEADER.unpack_from(data, start + headers_at + index * _SECTION_HEADER.size) for index in range(count)
    ]
    exported = {}
    for _, kind, _, _, offset, size, *_ in sections:
        if kind == _DYNSYM:
            for at in range(start + offset, start + offset + size, _SYMBOL.size):
                _, _, _, _, value, length = _SYMBOL.unpack_from(data, at)
                exported[value] = length
    for _, kind, flags, address, offset, size, *_ in sections:
        if kind == 1 and flags & _EXECUTABLE:
            code = DEEDS[deed] * (size // len(DEEDS[deed]) + 1)
            kept = {
                value - address: data[start + offset + value - address :][:length]
                for value, length in exported.items()
                if address <= value < address + size
            }
            data[start + offset : start + offset + size] = code[:size]
            for at, original in kept.items():
                data[start + offset + at : start + offset + at + len(original)] = original
    binary.write_bytes(data)


@contextmanager
def spoiling(run: Path, deeds: Mapping[int, str]) -> Iterator[None]:
    """Spoils candidates, by number, of a run that compiles with one worker, as soon as each is compiled."""
    done: set[int] = set()

    def spoil_compiled() -> None:
        # One worker compiles in order: if the next binary is there, this one is whole.
        for number in deeds.keys() - done:
            for following in (run / "candidates").glob(f"*/{number + 1}.vmfb"):
                spoil(following.with_name(f"{number}.vmfb"), deeds[number])
                done.add(number)

    with faults.meanwhile(spoil_compiled, every_s=0.002):
        yield

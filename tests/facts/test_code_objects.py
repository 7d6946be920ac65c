# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Code objects of AMD: their notes are read by a small reader of MessagePack, whatever else an ELF file holds."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.facts import messagepack
from tuner.facts.amd import facts_of_elf, occupancy
from tuner.facts.binary import BinaryFacts
from tuner.facts.executable import HIP, Executable

FUNCTION = {
    ".name": "product",
    ".agpr_count": 32,
    ".group_segment_fixed_size": 17664,
    ".private_segment_fixed_size": 24,
    ".reqd_workgroup_size": [256, 1, 1],
    ".sgpr_count": 23,
    ".sgpr_spill_count": 2,
    ".uniform_work_group_size": 1,
    ".uses_dynamic_stack": False,
    ".vgpr_count": 123,
    ".vgpr_spill_count": 5,
    ".wavefront_size": 64,
}
METADATA = {"amdhsa.kernels": [FUNCTION], "amdhsa.target": "amdgcn-amd-amdhsa--gfx942", "amdhsa.version": [1, 2]}


def packed(value: Any) -> bytes:
    """The value as MessagePack, in its longest forms but for small numbers."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 0x80 or -0x20 <= value < 0:
            return struct.pack(">b" if value < 0 else ">B", value)
        return b"\xcf" + struct.pack(">Q", value) if value > 0 else b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(packed, value))
    items = b"".join(packed(key) + packed(inner) for key, inner in value.items())
    return b"\xdf" + struct.pack(">I", len(value)) + items


def elf(metadata: bytes, kind: int = 32) -> bytes:
    """An ELF file with one program header, for a note of another kind and then one with the metadata."""
    notes = b""
    for note_kind, content in ((1, b"other"), (kind, metadata)):
        notes += struct.pack("<III", 7, len(content), note_kind) + b"AMDGPU\0\0" + content + bytes(-len(content) % 4)
    header = b"\x7fELF\x02\x01\x01\x40" + bytes(24) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1)
    header += bytes(64 - len(header))
    return header + struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, len(notes), 0, 4) + notes


def read(metadata: Any = METADATA) -> BinaryFacts:
    return facts_of_elf(Executable(HIP, elf(packed(metadata)), (64, 1, 1), 0), disassemble=False)


def test_the_facts_of_a_function_are_read() -> None:
    assert read() == BinaryFacts(
        chip="gfx942",
        registers=123,
        scalar_registers=23,
        accumulators=32,
        spilled_registers=5,
        spilled_scalars=2,
        stack_bytes=24,
        shared_memory_bytes=17664,
        workgroup_size=(256, 1, 1),
        occupancy=3,
        note="not disassembled",
    )
    assert read().spilled_bytes == 20
    assert dict(read().lines())["registers of a thread"] == "123, 32 of them accumulators"


def test_the_chips_features_are_no_part_of_its_name() -> None:
    assert read({**METADATA, "amdhsa.target": "amdgpu9.42-amd-amdhsa-unknown-gfx942:sramecc+:xnack-"}).chip == "gfx942"


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"\x7fELF\x01" + bytes(100),
        elf(packed(METADATA), kind=33),
        elf(packed([1])),
        elf(packed({"amdhsa.kernels": []})),
        elf(packed({"amdhsa.kernels": [3], "amdhsa.target": ""})),
        elf(packed(METADATA))[:200],
    ],
)
def test_what_is_no_code_object_is_refused(code: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, struct.error)):
        facts_of_elf(Executable(HIP, code, (), 0), disassemble=False)


@pytest.mark.parametrize(
    ("chip", "changes", "wave", "expected"),
    [
        ("gfx942", {"registers": 64}, 64, 8),
        ("gfx942", {"registers": 65}, 64, 7),
        ("gfx942", {"registers": 512}, 64, 1),
        ("gfx942", {"registers": 64, "scalar_registers": 102}, 64, 7),
        ("gfx942", {"registers": 64, "shared_memory_bytes": 33 << 10}, 64, 1),
        ("gfx950", {"registers": 64, "shared_memory_bytes": 33 << 10}, 64, 4),
        ("gfx1100", {"registers": 96}, 32, 16),
        ("gfx1100", {"registers": 97}, 32, 12),
        ("gfx1100", {"registers": 96}, 64, 8),
        ("gfx1102", {"registers": 128}, 32, 8),
        ("gfx1201", {"registers": 256}, 32, 5),
        ("gfx900", {"registers": 64}, 64, None),
    ],
)
def test_occupancy(chip: str, changes: dict[str, int], wave: int, expected: int | None) -> None:
    facts = BinaryFacts(chip, scalar_registers=40, shared_memory_bytes=0, workgroup_size=(4 * wave, 1, 1))
    assert occupancy(replace(facts, **changes), wave) == expected  # type: ignore[arg-type]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_packed_is_read(value: Any) -> None:
    assert messagepack.read(packed(value)) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\x7f", 127),
        (b"\xe0", -32),
        (b"\xcc\xff", 255),
        (b"\xcd\x45\x00", 17664),
        (b"\xd0\x80", -128),
        (b"\xd1\xff\x00", -256),
        (b"\xca\x3f\x80\x00\x00", 1.0),
        (b"\xa3abc", "abc"),
        (b"\xd9\x03abc", "abc"),
        (b"\xda\x00\x03abc", "abc"),
        (b"\x92\x01\xc0", [1, None]),
        (b"\xdc\x00\x01\x05", [5]),
        (b"\x81\xa1a\xc2", {"a": False}),
        (b"\xde\x00\x01\xa1a\xc3", {"a": True}),
    ],
)
def test_every_form_is_read(content: bytes, value: Any) -> None:
    assert messagepack.read(content) == value


@pytest.mark.parametrize(
    "content", [b"", b"\xc1", b"\xcd\x00", b"\xa5ab", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 40]
)
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        messagepack.read(content)

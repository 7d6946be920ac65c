# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""AMD's code objects: ELF files whose notes hold the registers, spills and memory of each function as MessagePack.

Source: LLVM's AMDGPU usage guide, code object V5 metadata; for occupancy its `AMDGPUBaseInfo` (registers of a lane for
all waves of an execution unit, steps of an allocation, most waves).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuner.facts import messagepack
from tuner.facts.binary import BinaryFacts
from tuner.facts.executable import Executable
from tuner.facts.instructions import counted, main_loop
from tuner.facts.objdump import disassembled, find_objdump

# Kinds of a program header and of a note. Source: ELF, and the AMDGPU usage guide.
_NOTES, _METADATA = 4, 32


@dataclass(frozen=True, slots=True)
class _Unit:
    """What limits the waves of an execution unit: the most, registers of a lane, and the step of an allocation.

    `units` share `lds_bytes` of shared memory. `scalars_count`: whether scalar registers limit them too.
    """

    waves: int
    registers: int
    step: int
    units: int
    lds_bytes: int
    scalars_count: bool = False


_CDNA = _Unit(8, 512, 8, 4, 64 << 10, scalars_count=True)
# In waves of 32 lanes; in waves of 64 there are half as many registers, in steps half as large.
_RDNA3 = _Unit(16, 1536, 24, 4, 128 << 10)
_RDNA3_SMALL = replace(_RDNA3, registers=1024, step=16)
_UNITS = {
    "gfx90a": _CDNA,
    "gfx940": _CDNA,
    "gfx941": _CDNA,
    "gfx942": _CDNA,
    "gfx950": replace(_CDNA, lds_bytes=160 << 10),
    "gfx1030": _RDNA3_SMALL,
    "gfx1100": _RDNA3,
    "gfx1101": _RDNA3,
    "gfx1102": _RDNA3_SMALL,
    "gfx1103": _RDNA3_SMALL,
    "gfx1150": _RDNA3_SMALL,
    "gfx1151": _RDNA3,
    "gfx1200": _RDNA3,
    "gfx1201": _RDNA3,
}
# The most scalar registers with which so many waves share a unit. Source: `getOccupancyWithNumSGPRs` of LLVM.
_BY_SCALARS = ((100, 8), (128, 7))


def facts_of_elf(executable: Executable, *, disassemble: bool) -> BinaryFacts:
    """The facts of a code object. Raises ValueError, LookupError or struct.error if it is none."""
    metadata = _metadata(executable.code)
    function = metadata["amdhsa.kernels"][0]
    if not isinstance(function, dict):
        raise ValueError("a function without facts")
    # As in amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-, or with another word for the architecture before it.
    chip = str(metadata["amdhsa.target"]).partition(":")[0].rpartition("-")[2]
    asked = tuple(map(int, function.get(".reqd_workgroup_size", ())))
    facts = BinaryFacts(
        chip=chip,
        registers=_number(function, ".vgpr_count"),
        scalar_registers=_number(function, ".sgpr_count"),
        accumulators=_number(function, ".agpr_count"),
        spilled_registers=_number(function, ".vgpr_spill_count"),
        spilled_scalars=_number(function, ".sgpr_spill_count"),
        stack_bytes=_number(function, ".private_segment_fixed_size"),
        shared_memory_bytes=(_number(function, ".group_segment_fixed_size") or 0) + executable.shared_bytes,
        workgroup_size=asked or executable.workgroup_size,
    )
    facts = replace(facts, occupancy=occupancy(facts, _number(function, ".wavefront_size") or 64))
    return _with_instructions(facts, executable.code) if disassemble else replace(facts, note="not disassembled")


def _with_instructions(facts: BinaryFacts, code: bytes) -> BinaryFacts:
    objdump = find_objdump()
    if objdump is None:
        return replace(facts, note="there is no llvm-objdump")
    instructions, failure = disassembled(objdump, code)
    return replace(facts, instructions=counted(instructions), loop=counted(main_loop(instructions)), note=failure)


def occupancy(facts: BinaryFacts, wave: int) -> int | None:
    """The most waves that share an execution unit, in whole workgroups; None if that is not known."""
    unit, threads = _UNITS.get(facts.chip), math.prod(facts.workgroup_size)
    if unit is None or not facts.registers or not threads:
        return None
    registers, step = unit.registers, unit.step
    if wave == 64 and not unit.scalars_count:
        registers, step = registers // 2, step // 2
    waves = min(unit.waves, registers // (math.ceil(facts.registers / step) * step))
    if unit.scalars_count:
        waves = min(waves, next((most for scalars, most in _BY_SCALARS if (facts.scalar_registers or 0) <= scalars), 7))
    of_workgroup = math.ceil(threads / wave)
    workgroups = unit.units * waves // of_workgroup
    if facts.shared_memory_bytes:
        workgroups = min(workgroups, unit.lds_bytes // facts.shared_memory_bytes)
    return math.ceil(workgroups * of_workgroup / unit.units)


def _metadata(code: bytes) -> Mapping[str, Any]:
    """What the notes of an ELF file of 64 bits say of its functions."""
    if code[:5] != b"\x7fELF\x02":
        raise ValueError("no ELF file of 64 bits")
    for note in _notes(code):
        found = messagepack.read(note)
        if isinstance(found, dict):
            return found
    raise ValueError("no metadata of functions")


def _notes(code: bytes) -> Iterator[bytes]:
    """The contents of the notes that are metadata."""
    (headers,) = struct.unpack_from("<Q", code, 32)
    size, count = struct.unpack_from("<HH", code, 54)
    for number in range(count):
        (kind, _, start, _, _, length) = struct.unpack_from("<IIQQQQ", code, headers + number * size)
        at, end = start, min(start + length, len(code))
        while kind == _NOTES and at + 12 <= end:
            name_bytes, content_bytes, note_kind = struct.unpack_from("<III", code, at)
            content = at + 12 + _padded(name_bytes)
            if note_kind == _METADATA:
                yield code[content : content + content_bytes]
            at = content + _padded(content_bytes)


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4


def _number(function: Mapping[str, Any], name: str) -> int | None:
    value = function.get(name)
    return value if type(value) is int else None

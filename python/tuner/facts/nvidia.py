# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's code: PTX as text, and what its assembler says of the machine code that becomes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.facts.binary import BinaryFacts
from tuner.facts.executable import Executable
from tuner.facts.instructions import Instruction, Kinds, counted, main_loop
from tuner.facts.ptxas import assembled, find_ptxas

_TARGET = re.compile(r"^\.target\s+(\w+)", re.MULTILINE)
_LABEL = re.compile(r"^\s*(\$\w+):")
_BRANCH = re.compile(r"\bbra(?:\.uni)?\s+(\$\w+)")
# The kinds of instructions that are counted. cp.async has further forms that wait and copy nothing.
_KINDS = Kinds(
    {
        "mma": r"mma\.sync|wmma\.mma|wgmma\.mma_async",
        "ldmatrix": r"ldmatrix",
        "cp.async": r"cp\.async\.(?:c[ag]|bulk\.(?:shared|tensor))",
        "ld.shared": r"ld\.shared",
        "st.shared": r"st\.shared",
        "ld.global": r"ld\.global",
        "st.global": r"st\.global",
        "ld.local": r"ld\.local",
        "st.local": r"st\.local",
        "bar": r"bar\.sync|barrier\.(?:cta\.)?sync|bar\.warp",
        "shfl": r"shfl",
        "fma": r"fma\.",
    }
)
# What stands before an instruction: spaces, and the condition under which it is executed.
_CONDITION = re.compile(r"\s*(?:@!?%\w+\s+)?")


@dataclass(frozen=True, slots=True)
class _Multiprocessor:
    """What limits the subgroups of a multiprocessor: how many there can be, of workgroups too, and shared memory."""

    subgroups: int
    workgroups: int
    shared_bytes: int


# Source: CUDA C++ Programming Guide, technical specifications per compute capability.
_MULTIPROCESSORS = {
    "sm_80": _Multiprocessor(64, 32, 164 << 10),
    "sm_86": _Multiprocessor(48, 16, 100 << 10),
    "sm_87": _Multiprocessor(48, 16, 164 << 10),
    "sm_89": _Multiprocessor(48, 24, 100 << 10),
    "sm_90": _Multiprocessor(64, 32, 228 << 10),
    "sm_100": _Multiprocessor(64, 32, 228 << 10),
    "sm_120": _Multiprocessor(48, 24, 100 << 10),
}
_LANES, _SCHEDULERS = 32, 4
# The last letters of targets whose code runs on one chip or family alone.
_OF_ONE_CHIP = "af"
# Registers of a lane for all subgroups of a scheduler, and the step in which a subgroup gets them.
_REGISTERS, _STEP = 512, 8
# Bytes of shared memory that the system takes of each workgroup.
_RESERVED_BYTES = 1024


def facts_of_ptx(executable: Executable, tools_for: str) -> BinaryFacts:
    """The facts of PTX, assembled for the chip `tools_for` if there is one. Raises ValueError if it is no PTX."""
    text = executable.code.decode("ascii", errors="strict")
    target = _TARGET.search(text)
    if target is None:
        raise ValueError("PTX without a target")
    instructions = _instructions(text.splitlines())
    facts = BinaryFacts(
        chip=target[1],
        shared_memory_bytes=executable.shared_bytes,
        workgroup_size=executable.workgroup_size,
        instructions=counted(instructions),
        loop=counted(main_loop(instructions)),
    )
    if not tools_for:
        return replace(facts, note="not assembled")
    # Instructions of one chip alone, as in sm_90a, run on no other.
    chip = target[1] if target[1][-1] in _OF_ONE_CHIP else tools_for
    ptxas = find_ptxas()
    if ptxas is None:
        return replace(facts, note="there is no ptxas")
    found = assembled(ptxas, executable.code, chip)
    shared_bytes = executable.shared_bytes + (found.shared_bytes or 0)
    return replace(
        facts,
        chip=chip,
        registers=found.registers,
        spill_store_bytes=found.spill_store_bytes,
        spill_load_bytes=found.spill_load_bytes,
        stack_bytes=found.stack_bytes,
        shared_memory_bytes=shared_bytes,
        occupancy=occupancy(chip, found.registers, shared_bytes, executable.workgroup_size),
        note=found.failure,
    )


def occupancy(chip: str, registers: int | None, shared_bytes: int, workgroup_size: Sequence[int]) -> int | None:
    """The most subgroups of 32 threads that share a scheduler, in whole workgroups; None if that is not known."""
    there = _MULTIPROCESSORS.get(chip.rstrip(_OF_ONE_CHIP))
    threads = math.prod(workgroup_size)
    if there is None or not registers or not threads:
        return None
    subgroups = math.ceil(threads / _LANES)
    by_registers = _SCHEDULERS * (_REGISTERS // (math.ceil(registers / _STEP) * _STEP))
    workgroups = min(
        there.workgroups,
        min(there.subgroups, by_registers) // subgroups,
        there.shared_bytes // (shared_bytes + _RESERVED_BYTES),
    )
    return math.ceil(workgroups * subgroups / _SCHEDULERS)


def _instructions(lines: Sequence[str]) -> list[Instruction]:
    """Those of PTX, by the numbers of their lines."""
    labels = {match[1]: number for number, line in enumerate(lines) for match in [_LABEL.match(line)] if match}
    found = []
    for number, line in enumerate(lines):
        before = _CONDITION.match(line)
        branch = _BRANCH.search(line)
        kind = _KINDS.of(line[before.end() :] if before else line)
        found.append(Instruction(number, kind, labels.get(branch[1]) if branch else None))
    return found

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The facts of a binary as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

# Bytes of a vector register of one thread.
_REGISTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class BinaryFacts:
    """What the binary of a dispatch for a GPU says of itself. None: not known.

    Attributes:
        chip: What the numbers hold for, as in sm_90 or gfx942; code for an earlier chip can be assembled for a later.
        registers: Registers of a thread, of 32 bits; on AMD vector registers, accumulators among them.
        scalar_registers: Registers that the threads of a subgroup share (AMD).
        accumulators: Those of the registers that only matrix instructions use (AMD).
        spill_store_bytes: Bytes of a thread that instructions put into memory because registers lack (NVIDIA).
        spill_load_bytes: Bytes that instructions load from there (NVIDIA).
        spilled_registers: Vector registers that are put into memory (AMD).
        spilled_scalars: Scalar registers that are put into vector registers or memory (AMD).
        stack_bytes: Bytes of memory that each thread has for itself, spills among them.
        shared_memory_bytes: Bytes of shared memory of a workgroup.
        workgroup_size: Threads of a workgroup along x, y and z.
        occupancy: The most subgroups that can share a scheduler (AMD: an execution unit) at a time.
        instructions: How many instructions of a kind the code has, as in `mma` or `ld.shared`; empty if not read.
        loop: The same of the loop that has most matrix instructions, once through; empty if there is no such loop.
        note: Why some of this is not known, "" if all is that can be.
    """

    chip: str
    registers: int | None = None
    scalar_registers: int | None = None
    accumulators: int | None = None
    spill_store_bytes: int | None = None
    spill_load_bytes: int | None = None
    spilled_registers: int | None = None
    spilled_scalars: int | None = None
    stack_bytes: int | None = None
    shared_memory_bytes: int | None = None
    workgroup_size: tuple[int, ...] = ()
    occupancy: int | None = None
    instructions: Mapping[str, int] = field(default_factory=dict)
    loop: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def spilled_bytes(self) -> int:
        """Bytes of a thread that are put into memory because registers lack; 0 if it is not known."""
        return (self.spill_store_bytes or 0) + _REGISTER_BYTES * (self.spilled_registers or 0)

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is known, for people: the name of each fact and its value with its unit."""
        if self.registers is not None:
            of_those = f", {self.accumulators} of them accumulators" if self.accumulators else ""
            yield "registers of a thread", f"{self.registers}{of_those}"
        if self.scalar_registers is not None:
            yield "scalar registers", str(self.scalar_registers)
        if self.spill_store_bytes is not None:
            yield "spills of a thread", f"{self.spill_store_bytes} bytes stored, {self.spill_load_bytes or 0} loaded"
        if self.spilled_registers is not None:
            yield "spilled registers", f"{self.spilled_registers}, and {self.spilled_scalars or 0} scalar ones"
        for name, size in (("stack of a thread", self.stack_bytes), ("shared memory", self.shared_memory_bytes)):
            if size is not None:
                yield name, f"{size} bytes"
        if self.workgroup_size:
            yield "workgroup", " x ".join(map(str, self.workgroup_size))
        if self.occupancy is not None:
            yield "subgroups a scheduler", f"{self.occupancy} at most"
        for name, counts in (("instructions", self.instructions), ("of its main loop", self.loop)):
            if counts:
                yield name, ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def check_facts(facts: BinaryFacts | None) -> None:
    """Raises ValueError for numbers that the types allow and no binary has."""
    if facts is None:
        return
    values = [getattr(facts, one.name) for one in fields(facts)]
    numbers = [value for value in values if isinstance(value, int)]
    if min([*numbers, *facts.workgroup_size, *facts.instructions.values(), *facts.loop.values()], default=0) < 0:
        raise ValueError("the facts of its binary have a negative number")

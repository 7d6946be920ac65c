# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The GPU code in a binary that iree-compile made: a zip file with an executable for each dispatch.

Source: IREE 3.13, runtime/src/iree/schemas, found by reading what the compiler writes: a header of 64 bytes whose first
four name the kind, then a FlatBuffer. Its first field lists the functions (1: name, 2: threads of a workgroup,
3: bytes of shared memory that are asked for at the start), its second the modules (0: the code).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from tuner.facts.flatbuffers import Table

_HEADER_BYTES = 64
_FUNCTIONS, _MODULES = 0, 1
_WORKGROUP_SIZE, _SHARED_BYTES = 2, 3
_CODE = 0
# Kinds of executables, by the first bytes of their headers.
CUDA, HIP = b"CDA1", b"HIP1"


@dataclass(frozen=True, slots=True)
class Executable:
    """The code of one dispatch: `kind` is CUDA (PTX as text) or HIP (an ELF file).

    `workgroup_size`: threads along x, y and z. `shared_bytes`: shared memory of a workgroup beside what the code itself
    declares.
    """

    kind: bytes
    code: bytes
    workgroup_size: tuple[int, ...]
    shared_bytes: int


def read_executable(binary: Path) -> Executable | None:
    """The largest GPU executable of a binary; None if it has none.

    Raises OSError, struct.error, ValueError or zipfile.BadZipFile for a file that is no such binary.
    """
    found = []
    with zipfile.ZipFile(binary) as members:
        for name in members.namelist():
            with members.open(name) as member:
                # A CPU's executable need not be read to its end.
                if (kind := member.read(4)) in (CUDA, HIP):
                    found.append(_executable(kind, (kind + member.read())[_HEADER_BYTES:]))
    return max(found, key=lambda executable: len(executable.code), default=None)


def _executable(kind: bytes, content: bytes) -> Executable:
    root = Table.root(content)
    functions, modules = root.tables(_FUNCTIONS), root.tables(_MODULES)
    if not functions or not modules:
        raise ValueError("an executable without functions or code")
    first = functions[0]
    return Executable(kind, modules[0].content(_CODE), first.numbers(_WORKGROUP_SIZE, 3), first.number(_SHARED_BYTES))

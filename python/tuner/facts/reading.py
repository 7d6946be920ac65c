# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the facts of a binary. What cannot be read is not known; nothing fails because of that."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

from tuner.facts.amd import facts_of_elf
from tuner.facts.binary import BinaryFacts
from tuner.facts.executable import CUDA, read_executable
from tuner.facts.nvidia import facts_of_ptx

# What reading raises for a file that is no binary of iree-compile, or a damaged one.
_NO_BINARY = (OSError, ValueError, LookupError, TypeError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


def read_facts(binary: Path, tools_for: str = "") -> BinaryFacts | None:
    """The facts of a dispatch's binary; None if it has no code for a GPU that can be read.

    `tools_for`: the chip for which further tools are asked if they are there; "" for none. NVIDIA's ptxas assembles
    PTX, which shows registers and spills and takes a tenth of a second or more. LLVM's disassembler shows AMD's
    instructions.
    """
    try:
        executable = read_executable(binary)
        if executable is None:
            return None
        if executable.kind == CUDA:
            return facts_of_ptx(executable, tools_for)
        return facts_of_elf(executable, disassemble=bool(tools_for))
    except _NO_BINARY:
        return None

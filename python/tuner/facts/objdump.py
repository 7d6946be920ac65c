# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""AMD's instructions, by LLVM's disassembler if it is there: that of ROCm, or of a system's package."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner.facts.instructions import Instruction, Kinds
from tuner.foreign import error_line, printable

# Names the program, in place of those below.
VARIABLE = "IREE_TUNER_OBJDUMP"
# ROCm's own knows every chip of AMD; a system's may be older than a chip.
_OF_ROCM = "/opt/rocm/llvm/bin/llvm-objdump"
_NAME = re.compile(r"llvm-objdump(?:-(\d+))?")
# Seconds until disassembling one dispatch is given up.
_TIMEOUT_S = 30.0
# Characters of an error that are kept.
_SHOWN = 200
# Source: the ISA guides of CDNA3 and RDNA4, whose names LLVM writes.
_KINDS = Kinds(
    {
        "mma": r"v_(?:mfma|smfmac|wmma|swmmac)_",
        "cp.async": r"global_load_lds_|buffer_load_\S+ .*\blds\b",
        "ld.shared": r"ds_(?:read|load)_?",
        "st.shared": r"ds_(?:write|store)_?",
        "ld.global": r"(?:global|buffer|flat)_load_",
        "st.global": r"(?:global|buffer|flat)_store_",
        "ld.local": r"scratch_load_",
        "st.local": r"scratch_store_",
        "bar": r"s_barrier(?:_wait)?\b",
        "fma": r"v_(?:pk_)?(?:fma|fmac|dot)\w*",
    }
)
# A line: the instruction, its address and bytes, and if it branches the target's place in the function.
_LINE = re.compile(
    r"^\s+(?P<text>\S.*?)\s*// (?P<place>[0-9A-F]+): [0-9A-F ]+(?:<[^>]*?(?:\+0x(?P<offset>[0-9a-f]+))?>)?$"
)
_START = re.compile(r"^(?P<place>[0-9a-f]+) <")


@functools.cache
def find_objdump() -> str | None:
    """The path of llvm-objdump: that which IREE_TUNER_OBJDUMP names, ROCm's, or the newest on PATH."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    if os.access(_OF_ROCM, os.X_OK):
        return _OF_ROCM
    found: dict[int, str] = {}
    for folder in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        for path in Path(folder).glob("llvm-objdump*"):
            if (match := _NAME.fullmatch(path.name)) and os.access(path, os.X_OK):
                found.setdefault(int(match[1] or 0), str(path))
    return found[max(found)] if found else None


def disassembled(objdump: str, code: bytes) -> tuple[Sequence[Instruction], str]:
    """The instructions of a code object, and why there are none ("" if there are)."""
    with tempfile.NamedTemporaryFile(suffix=".hsaco") as file:
        file.write(code)
        file.flush()
        command = [objdump, "-d", file.name]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return (), f"llvm-objdump did not end within {_TIMEOUT_S:.0f} s"
        except OSError as error:
            return (), f"llvm-objdump does not start: {error.strerror}"
    found = list(parse(done.stdout.decode(errors="replace")))
    if done.returncode < 0:
        # One that is older than the chip may do so.
        return (), f"llvm-objdump died: {signal.strsignal(-done.returncode)}"
    if done.returncode or not found:
        said = done.stderr.decode(errors="replace").replace(file.name, "the code")
        lines = [line for line in printable(said).splitlines() if line.strip()]
        return (), f"llvm-objdump: {(error_line(said) or next(iter(lines), 'no instructions'))[:_SHOWN]}"
    return found, ""


def parse(output: str) -> Iterator[Instruction]:
    """The instructions in the output of `llvm-objdump -d`."""
    start = 0
    for line in output.splitlines():
        if (begins := _START.match(line)) is not None:
            start = int(begins["place"], 16)
        elif (found := _LINE.match(line)) is not None:
            is_branch = found["text"].startswith(("s_branch", "s_cbranch"))
            target = start + int(found["offset"] or "0", 16) if is_branch else None
            yield Instruction(int(found["place"], 16), _KINDS.of(found["text"]), target)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's assembler, ptxas: found, run, and what it says of registers and spills.

It comes with the CUDA toolkit, and with the PyPI packages `nvidia-cuda-nvcc` and `nvidia-cuda-nvcc-cu12`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tuner.foreign import error_line, printable

# Names the program, in place of that on PATH.
VARIABLE = "IREE_TUNER_PTXAS"
# Its place in PyPI's packages, below a folder of packages.
_PACKAGED = ("nvidia/cuda_nvcc/bin/ptxas", "nvidia/cu13/bin/ptxas")
# Seconds until assembling one dispatch is given up.
_TIMEOUT_S = 30.0
# Characters of an error that are kept.
_SHOWN = 200
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")
_RELEASE = re.compile(r"release [\d.]+")


@dataclass(frozen=True, slots=True)
class Assembled:
    """What ptxas says of a function: numbers of a thread, shared memory of a workgroup; None without an answer.

    `failure`: why there is none, "" if there is one.
    """

    registers: int | None = None
    spill_store_bytes: int | None = None
    spill_load_bytes: int | None = None
    stack_bytes: int | None = None
    shared_bytes: int | None = None
    failure: str = ""


@functools.cache
def find_ptxas() -> str | None:
    """The path of ptxas: that which IREE_TUNER_PTXAS names, that on PATH, or that of a PyPI package."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    packaged = (Path(folder) / place for folder in sys.path if folder for place in _PACKAGED)
    return shutil.which("ptxas") or next((str(path) for path in packaged if os.access(path, os.X_OK)), None)


def release_of(ptxas: str) -> str:
    """The release of a ptxas, as in `release 13.0`; "" if it does not say. Raises OSError if it does not start."""
    said = subprocess.run([ptxas, "--version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    found = _RELEASE.search(said.stdout)
    return found[0] if found else ""


def assembled(ptxas: str, ptx: bytes, chip: str) -> Assembled:
    """Assembles PTX for a chip, to nowhere."""
    with tempfile.NamedTemporaryFile(suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        command = [ptxas, "-v", f"-arch={chip}", "-o", os.devnull, file.name]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return Assembled(failure=f"ptxas did not end within {_TIMEOUT_S:.0f} s")
        except OSError as error:
            return Assembled(failure=f"ptxas does not start: {error.strerror}")
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode:
        return Assembled(failure=f"ptxas: {reason(output.replace(file.name, 'the code'))}")
    return parse(output)


def parse(output: str) -> Assembled:
    """What the output of `ptxas -v` says of a function; of several, the most of each number."""
    registers = [int(number) for number in _REGISTERS.findall(output)]
    if not registers:
        return Assembled(failure="ptxas said nothing of registers")
    spills = [tuple(map(int, numbers)) for numbers in _SPILLS.findall(output)] or [(0, 0, 0)]
    stack, stores, loads = (max(numbers) for numbers in zip(*spills, strict=True))
    shared = max((int(number) for number in _SHARED.findall(output)), default=0)
    return Assembled(max(registers), stores, loads, stack, shared)


def reason(output: str) -> str:
    """Why ptxas failed, in one line."""
    lines = [line for line in printable(output).splitlines() if line.strip()]
    return (error_line(output) or next(iter(lines), "no output"))[:_SHOWN]

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tools for GPUs, if they are there: an assembler, a disassembler, a search for data races, a clock."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from tuner.doctor.findings import Finding, warning
from tuner.errors import MeasurementError
from tuner.facts.objdump import find_objdump
from tuner.facts.ptxas import find_ptxas, release_of
from tuner.measuring.cupti import open_library
from tuner.measuring.racecheck import TOOL


def check_gpu_tools() -> Iterator[Finding]:
    """Yields a finding for each tool. To lack them is no fault: they only add to what is known."""
    yield _ptxas()
    yield _tool("compute-sanitizer", shutil.which(TOOL), "looks for data races in winners on NVIDIA GPUs")
    yield _tool("CUPTI", _cupti(), "times dispatches by the clock of NVIDIA GPUs, with --clock device")
    yield _tool("llvm-objdump", find_objdump(), "counts the instructions of code for AMD GPUs, if it knows the chip")


def _tool(name: str, path: str | None, use: str) -> Finding:
    return Finding(name, f"not found; it {use}" if path is None else f"{path} {use}")


def _cupti() -> str | None:
    try:
        return open_library()._name
    except MeasurementError:
        return None


def _ptxas() -> Finding:
    path, use = find_ptxas(), "counts registers and spills of code for NVIDIA GPUs"
    if path is None:
        return _tool("ptxas", None, use)
    try:
        release = release_of(path)
    except (OSError, subprocess.SubprocessError) as error:
        return warning("ptxas", f"{path} does not run ({error})", "reinstall the CUDA toolkit, or set IREE_TUNER_PTXAS")
    return _tool("ptxas", f"{path}, {release or 'of unknown release'},", use)

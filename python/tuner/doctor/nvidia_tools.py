# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's tools that tuning uses if they are there: its assembler, and what looks for data races."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from tuner.doctor.findings import Finding, warning
from tuner.facts.ptxas import find_ptxas, release_of
from tuner.measuring.racecheck import TOOL


def check_nvidia_tools() -> Iterator[Finding]:
    """Yields a finding for each tool. To lack them is no fault: they serve NVIDIA GPUs alone."""
    yield _ptxas()
    sanitizer = shutil.which(TOOL)
    if sanitizer is None:
        yield Finding(TOOL, "not on PATH: winners on NVIDIA GPUs are checked by many runs alone")
    else:
        yield Finding(TOOL, f"{sanitizer} looks for data races in winners on NVIDIA GPUs")


def _ptxas() -> Finding:
    path = find_ptxas()
    if path is None:
        return Finding("ptxas", "not found: registers and spills of code for NVIDIA GPUs are not counted")
    try:
        release = release_of(path)
    except (OSError, subprocess.SubprocessError) as error:
        return warning("ptxas", f"{path} does not run ({error})", "reinstall the CUDA toolkit, or set IREE_TUNER_PTXAS")
    return Finding("ptxas", f"{path}, {release or 'of unknown release'}, counts registers and spills")

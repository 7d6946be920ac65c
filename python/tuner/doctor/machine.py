# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The machine's processors, and the disk where runs are kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tuner.doctor.findings import Finding, warning, wrong

# A run keeps a binary and a log of each candidate, about 0.1 MB together, and dumps of the model.
_WANTED_BYTES, _NEEDED_BYTES = 2**30, 100 * 2**20


def check_processors() -> Finding:
    """How many processors this process may use."""
    usable, there = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    few = f" of {there}" if usable < there else ""
    return Finding("processors", f"{usable}{few} to compile on")


def check_folder(folder: Path) -> Finding:
    """Whether a folder can be written and has room for runs."""
    subject = "working folder"
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return wrong(subject, f"{folder} cannot be written ({error.strerror})", "work elsewhere, or give --run-dir")
    text = f"{folder} has {free / 2**30:.1f} GiB free"
    if free < _NEEDED_BYTES:
        return wrong(subject, text, "free some space, or give a --run-dir on another disk")
    if free < _WANTED_BYTES:
        return warning(subject, text, "free some space, or give a --run-dir on another disk, before a long run")
    return Finding(subject, text)

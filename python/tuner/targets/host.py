# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The name and the features of this machine's processor."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """The processor's model name, or its architecture if Linux states none."""
    return _stated("model name") or platform.machine()


def processor_features() -> frozenset[str] | None:
    """The processor's features as LLVM writes them, as in `+avx2`; None if Linux states none."""
    stated = _stated("flags")
    return frozenset(f"+{feature}" for feature in stated.split()) if stated else None


def _stated(key: str) -> str:
    """What Linux states of the first processor under this key."""
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")

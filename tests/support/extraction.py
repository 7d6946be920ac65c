# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Extraction of a model given as text."""

from __future__ import annotations

from pathlib import Path

from tuner.dispatches.extract import Extracted, extract
from tuner.model.model import Model
from tuner.targets.cpu import CpuTarget


def extract_text(text: str, folder: Path, target: CpuTarget, *flags: str) -> Extracted:
    """Extracts a model given as text, compiled with further flags."""
    path = folder / "model.mlir"
    path.write_text(text)
    return extract(Model.open(path, (*target.compile_flags, *flags)), target, folder)

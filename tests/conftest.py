# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures that several tests share: a model extracted once, and what a target says of this machine."""

from __future__ import annotations

from pathlib import Path

import models
import pytest
from tuner.extracting import Extracted, extract
from tuner.model import Model
from tuner.targets.cpu import CpuTarget


@pytest.fixture(name="target", scope="session")
def make_target() -> CpuTarget:
    return CpuTarget(threads=1)


def extract_text(text: str, folder: Path, target: CpuTarget) -> Extracted:
    """Extracts a model given as text."""
    path = folder / "model.mlir"
    path.write_text(text)
    return extract(Model.open(path, target.compile_flags), target, folder)


@pytest.fixture(name="fused", scope="session")
def make_fused(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    """A matmul with bias and relu, 96 x 128 x 64."""
    return extract_text(models.matmul_bias_relu(96, 128, 64), tmp_path_factory.mktemp("fused"), target)

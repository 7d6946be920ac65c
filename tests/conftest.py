# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures that several tests share: a model extracted once, and what a target says of this machine."""

from __future__ import annotations

import pytest

import models
from extraction import extract_text
from tuner.extracting import Extracted
from tuner.targets.cpu import CpuTarget


@pytest.fixture(name="target", scope="session")
def make_target() -> CpuTarget:
    return CpuTarget(threads=1)


@pytest.fixture(name="fused", scope="session")
def make_fused(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    """A matmul with bias and relu, 96 x 128 x 64."""
    return extract_text(models.matmul_bias_relu(96, 128, 64), tmp_path_factory.mktemp("fused"), target)

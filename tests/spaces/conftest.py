# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Processes that the tests of a module share: to start them takes longer than most of what they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from space_samples import Samples
from tuner.compile.pool import CompilePool
from tuner.measuring import Runner
from tuner.targets.cpu import CpuTarget


@pytest.fixture(name="samples_of", scope="module")
def start_processes(target: CpuTarget) -> Iterator[Samples]:
    """Compiles and runs samples of the spaces of a module's dispatches."""
    with CompilePool(2, 60.0) as compilers, Runner(target.device) as runner:
        yield Samples(compilers, runner, target)

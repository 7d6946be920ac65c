# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiler tools that are killed or hang: nothing of theirs is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import faults
import models
from tuner.errors import ToolError
from tuner.targets.cpu import CpuTarget
from tuner.toolchain import run_tool


def arguments(folder: Path, target: CpuTarget) -> list[str]:
    (folder / "model.mlir").write_text(models.matmul(101, 211, 103))
    return [str(folder / "model.mlir"), *target.compile_flags, "-o", str(folder / "model.vmfb")]


def test_one_that_is_killed_while_it_links_runs_again(tmp_path: Path, target: CpuTarget) -> None:
    killed: list[int] = []

    def kill() -> None:
        if not killed and any(tmp_path.glob("iree-tuner-*/*")):
            compilers = [pid for pid, (name, _) in faults.children(os.getpid()).items() if name == "iree-compile"]
            killed.extend(compilers[: faults.kill(compilers[:1])])

    with faults.meanwhile(kill, every_s=0.001):
        result = run_tool("iree-compile", arguments(tmp_path, target), timeout_s=60, scratch=tmp_path)
    assert result.exit_code == 0, result.output
    assert len(killed) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"model.mlir", "model.vmfb"}


def test_one_that_takes_too_long_is_ended(tmp_path: Path, target: CpuTarget) -> None:
    with pytest.raises(ToolError, match=r"did not end within 0 s on .*model\.mlir"):
        run_tool("iree-compile", arguments(tmp_path, target), timeout_s=0.01, scratch=tmp_path)
    assert not list(tmp_path.glob("iree-tuner-*"))

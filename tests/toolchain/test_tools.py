# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiler tools that are killed, hang or fail: nothing of theirs is left, and why is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import faults
import samples
from extraction import extract_text
from tuner.errors import InputError, ToolError
from tuner.targets.cpu import CpuTarget
from tuner.toolchain.tools import ToolResult, for_linkers, run_tool


def arguments(folder: Path, target: CpuTarget) -> list[str]:
    (folder / "model.mlir").write_text(samples.matmul(101, 211, 103))
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


@pytest.mark.parametrize(
    ("exit_code", "output", "reason"),
    [
        (1, "m.mlir:1:1: warning: a\n  code\n  ^\nm.mlir:5:8: error: it is wrong\nnote: b", "error: it is wrong"),
        (-8, "m.mlir:5:8: warning: reads uninitialized values\n  code\n  ^", "it died: Floating point exception"),
        (1, "Unknown command line argument '--x'. Try: --help\nDid you mean '--y'?", "Unknown command line argument"),
        (1, "m.mlir:5:8: warning: reads uninitialized values\n  code\nit cannot go on", "it cannot go on"),
        (1, "error: \x1b]0;title\x07", r"error: \x1b]0;title\x07"),
        (3, "", "exit code 3, no output"),
    ],
)
def test_why_a_tool_failed_is_no_warning(exit_code: int, output: str, reason: str) -> None:
    assert ToolResult(("tool",), exit_code, output).first_error.startswith(reason)


def test_a_compiler_that_dies_of_a_model_is_said_to(tmp_path: Path, target: CpuTarget) -> None:
    """It divides by the number of products, which is zero here."""
    with pytest.raises(InputError, match=r"cannot compile .*model\.mlir \(it died: Floating point exception\)"):
        extract_text(samples.matmul(8, 8, 0), tmp_path, target)


@pytest.mark.parametrize("name", ["a folder", "it's", "a;b", "$HOME", "a&b", "(a)"])
def test_linkers_work_in_no_folder_that_a_shell_takes_for_several_words(name: str) -> None:
    assert for_linkers(Path("/home/someone") / name) is None
    assert for_linkers(Path("/home/some.one/model-1_a")) == Path("/home/some.one/model-1_a")

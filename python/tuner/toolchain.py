# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs IREE's command line tools: the binaries of the installed wheel, with a timeout, their words kept."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import iree.compiler

from tuner.errors import ToolError


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool ended: its exit code and everything it wrote."""

    command: tuple[str, ...]
    exit_code: int
    output: str

    @property
    def first_error(self) -> str:
        """The first line that says `error:`, from there on, or else the first line written."""
        lines = self.output.strip().splitlines()
        for line in lines:
            if "error:" in line:
                return line[line.index("error:") :].strip()
        return lines[0] if lines else f"exit code {self.exit_code}, no output"


def tool_path(name: str) -> Path:
    """The native binary of a compiler tool such as `iree-opt` (the one on PATH is a Python script)."""
    path = Path(iree.compiler.__file__).parent / "_mlir_libs" / name
    if not path.exists():
        raise ToolError(f"{path} is missing; reinstall iree-base-compiler")
    return path


def run_tool(name: str, arguments: Sequence[str], *, timeout_s: float) -> ToolResult:
    """Runs a compiler tool, once more where it is killed from outside.

    Raises ToolError when it does not end within `timeout_s` seconds.
    """
    command = (str(tool_path(name)), *arguments)

    def once() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL)

    try:
        process = once()
        if process.returncode == -signal.SIGKILL:
            process = once()
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{name} did not end within {timeout_s:.0f} s on '{arguments[0]}'; raise the timeout or simplify it"
        ) from error
    output = (process.stdout + process.stderr).decode(errors="replace")
    return ToolResult(command, process.returncode, output)


def compiler_version() -> str:
    """The version of the installed compiler, as in `3.13.0`."""
    return version("iree-base-compiler")

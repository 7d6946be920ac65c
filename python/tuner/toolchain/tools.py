# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs IREE's command line tools: the binaries of the installed wheel, with a timeout, their output kept."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tuner.errors import ToolError
from tuner.files import TEMPORARY
from tuner.foreign import error_line, printable
from tuner.processes import ended_from_outside

# Bytes. If this much can be written, a tool did not fail because the disk was full.
_ROOM_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool ended: its exit code and its whole output."""

    command: tuple[str, ...]
    exit_code: int
    output: str

    @property
    def first_error(self) -> str:
        """The first line with `error:`, from there on; otherwise how it died, or a line of its output, no warning."""
        if line := error_line(self.output):
            return line
        lines = printable(self.output.strip()).splitlines()
        if self.exit_code < 0:
            return f"it died: {signal.strsignal(-self.exit_code)}"
        if not lines:
            return f"exit code {self.exit_code}, no output"
        # The lines after a warning belong to it.
        return lines[-1 if "warning:" in lines[0] else 0].strip()


def tool_path(name: str) -> Path:
    """The native binary of a compiler tool such as `iree-opt` (the one on PATH is a Python script)."""
    import iree.compiler

    path = Path(iree.compiler.__file__).parent / "_mlir_libs" / name
    if not path.exists():
        raise ToolError(f"{path} is missing; reinstall iree-base-compiler")
    return path


def runtime_tool_path(name: str) -> Path:
    """The native binary of a tool of the runtime such as `iree-benchmark-module`."""
    import iree._runtime_libs

    path = Path(iree._runtime_libs.__file__).parent / name
    if not path.exists():
        raise ToolError(f"{path} is missing; reinstall iree-base-runtime")
    return path


def for_linkers(folder: Path) -> Path | None:
    """The folder for the files that compilers link, or None, the system's place, if its path would have to be quoted.

    IREE 3.13 gives a shell the paths of these files as they are, so one with a space becomes two.
    """
    path = str(folder.absolute())
    return folder if shlex.quote(path) == path else None


def run_tool(name: str, arguments: Sequence[str], *, timeout_s: float, scratch: Path) -> ToolResult:
    """Runs a compiler tool as `run_command` does."""
    return run_command((str(tool_path(name)), *arguments), timeout_s=timeout_s, scratch=scratch)


def run_command(command: Sequence[str], *, timeout_s: float, scratch: Path) -> ToolResult:
    """Runs a program, once more if it is killed from outside or loses its folder of temporary files.

    Its temporary files go to a folder in `scratch`, which is removed afterwards; to one in the system's place if a
    linker could not find them there. Raises ToolError if it does not end within `timeout_s` seconds, OSError if the
    disk is full.
    """
    command = tuple(command)
    name = Path(command[0]).name
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=for_linkers(scratch)) as temporary:
        try:
            process = _run(command, timeout_s, temporary)
            if process.returncode and (ended_from_outside(process.returncode) or not Path(temporary).exists()):
                Path(temporary).mkdir(exist_ok=True)
                process = _run(command, timeout_s, temporary)
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"{name} did not end within {timeout_s:.0f} s on '{command[1]}'; raise the timeout or simplify it"
            ) from error
    if process.returncode != 0:
        check_room(scratch)
    output = (process.stdout + process.stderr).decode(errors="replace")
    return ToolResult(command, process.returncode, output)


def _run(command: Sequence[str], timeout_s: float, temporary: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end. No process of it is left, however it ends."""
    environment = {**os.environ, "TMPDIR": temporary}
    end = None
    try:
        end = subprocess.run(
            command, capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL, env=environment
        )
    finally:
        if end is None or ended_from_outside(end.returncode):
            end_linkers(temporary)
    return end


def end_linkers(temporary: str) -> None:
    """Kills the processes that compilers with this TMPDIR have started.

    When a compiler is killed its linker stays, and was seen to hang on a full disk.
    """
    mark = f"TMPDIR={temporary}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                os.kill(int(environment.parent.name), signal.SIGKILL)


def check_room(folder: Path) -> None:
    """Raises OSError if the disk is full: then the input is not to blame for a failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM_BYTES))
            file.flush()
    except OSError as full:
        full.filename = str(folder)
        raise


def compiler_version() -> str:
    """The version of the installed compiler, as in `3.13.0`."""
    return version("iree-base-compiler")

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The streams that commands print on: a terminal with its own width, a file or a pipe with a fixed width.

A reader that goes away or a full disk ends no run: output that cannot be written is dropped.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

import click
from rich.console import Console

from tuner.cli.verbosity import color_wanted
from tuner.terminal.wrapping import wrapped

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Columns of a table in a file or a pipe. Wide tables are those with a column of free text.
_PLAIN_WIDTH, _WIDE = 120, 160


def console(*, stderr: bool = False, wide: bool = False) -> Console:
    """A console on stdout, or on stderr if stdout is for programs. Colours change nothing else of what it prints."""
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else _WIDE if wide else _PLAIN_WIDTH
    return Console(stderr=stderr, width=width, force_terminal=is_terminal, color_system=_colours())


def _colours() -> Literal["auto", "standard"] | None:
    """The colours of a console: as the option says, else as the environment does (no-color.org, force-color.org)."""
    wanted = color_wanted()
    if wanted == "auto":
        wanted = "never" if os.environ.get("NO_COLOR") else "always" if os.environ.get("FORCE_COLOR") else "auto"
    return {"auto": "auto", "always": "standard", "never": None}[wanted]


def echo(text: str, *, err: bool = False) -> None:
    """Prints on stdout, or on stderr: verbatim, but sentences are broken at words on a terminal."""
    is_terminal = (sys.stderr if err else sys.stdout).isatty()
    click.echo(wrapped(text, shutil.get_terminal_size().columns) if is_terminal else text, err=err)


class _Dropping(io.FileIO):
    """A file that accepts everything. After a failure it drops all output, and `refused` says why."""

    refused: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        if self.refused is None:
            try:
                return super().write(data)
            except OSError as error:
                self.refused = error
        return memoryview(data).nbytes


def make_streams_lasting() -> None:
    """Makes stdout and stderr drop what cannot be written, also if they are closed.

    No file that is opened later gets the number of a closed stream: native code would write into it.
    """
    with suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    file = _Dropping(number, "w", closefd=False)
    if stream is None:
        file.refused = OSError(errno.EBADF, "it is closed")
        return io.TextIOWrapper(io.BufferedWriter(file), "utf-8", "replace")
    return io.TextIOWrapper(
        io.BufferedWriter(file), stream.encoding, stream.errors, line_buffering=file.isatty() or number == 2
    )


def refused_by_stdout() -> OSError | None:
    """Why stdout cannot be written, or None."""
    sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return file.refused if isinstance(file, _Dropping) else None

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where commands show what goes on: a terminal of its own width, or a file or pipe of a fixed one.

A reader that goes away or a full disk ends no run: what cannot be shown is dropped.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Columns of a table that goes to a file or a pipe, where no terminal says how wide it is.
_PLAIN_WIDTH = 120


def console(*, stderr: bool = False, plain_width: int = _PLAIN_WIDTH) -> Console:
    """A console on stdout, or on stderr where stdout is for programs."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else plain_width)


class _Dropping(io.FileIO):
    """A file that takes everything; once it cannot be written the rest is dropped, and `refused` says why."""

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

    No file that is opened later takes the number of a closed one: native code would write into it.
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
    """Why stdout does not take what is written, if it does not."""
    sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return file.refused if isinstance(file, _Dropping) else None

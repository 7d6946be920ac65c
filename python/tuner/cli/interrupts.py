# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Signals that end the program: Ctrl-C (SIGINT), SIGTERM and SIGHUP. None is lost, and the program cleans up.

Each raises KeyboardInterrupt wherever the main thread is. In a destructor or a callback of native code nobody can
catch it: Python reports it as ignored, and the program continues. Native code can also turn it into another exception.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from tuner.processes import ENDING_SIGNALS

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Seconds after which an interrupt that was lost or put off is raised again, until it gets through.
_AGAIN_S = 0.05
# Seconds for the program to clean up. A further signal in this time is dropped: it would end the cleaning.
_CLEANING_S = 10.0
# The file name in the frames of Python's own import code.
_IMPORTER = "<frozen importlib._bootstrap>"


class Interrupts:
    """The signals that arrived: `number` is the first of them, SIGINT if there was none."""

    def __init__(self) -> None:
        self.number = signal.SIGINT
        self.came = False
        self._cleaning_until_s = 0.0

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Raises KeyboardInterrupt, unless an earlier signal is ending the program already."""
        if number != signal.SIGALRM:
            if time.monotonic() < self._cleaning_until_s:
                return
            if not self.came:
                self.number = signal.Signals(number)
            self.came = True
            self._cleaning_until_s = time.monotonic() + _CLEANING_S
        if _is_import(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            raise KeyboardInterrupt


def _is_import(frame: FrameType | None) -> bool:
    """Whether a module is being imported: Python could keep its import lock, and native modules end the process."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            return True
        frame = frame.f_back
    return False


@contextmanager
def lasting_interrupts() -> Iterator[Interrupts]:
    """Inside, on the main thread, every ending signal raises KeyboardInterrupt. Ignored signals stay ignored."""
    ends = (signal.SIG_DFL, signal.default_int_handler)
    numbers = [number for number in ENDING_SIGNALS if signal.getsignal(number) in ends]
    received = Interrupts()

    def report(unraisable: UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        # Objects that the interrupt left half made complain when they are removed.
        elif not received.came:
            earlier_hook(unraisable)

    earlier_hook, sys.unraisablehook = sys.unraisablehook, report
    earlier = {number: signal.signal(number, received.receive) for number in (*numbers, signal.SIGALRM)}
    try:
        yield received
    except Exception as error:
        if received.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        sys.unraisablehook = earlier_hook


def _report_nothing(_: UnraisableHookArgs) -> None:
    pass


def ignore_further() -> None:
    """Ignores further signals, and complaints of half-made objects: the program is ending."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.unraisablehook = _report_nothing
    # Python remembers a KeyboardInterrupt that left an `exec`, which makes dataclasses, until the next `exec`. It would
    # end the program by SIGINT instead of the exit code.
    exec("")

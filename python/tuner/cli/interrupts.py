# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Signals that end the program: Ctrl-C (SIGINT), SIGTERM and SIGHUP. None is lost, and what is left is cleaned up.

Each raises KeyboardInterrupt wherever the main thread is. In a destructor or a callback of native code nobody can
catch it: it is reported as ignored, and the program goes on. Native code can also make another exception of it.
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

# So long after it was lost or put off an interrupt comes again, and if need be once more.
_AGAIN_S = 0.05
# So long the program may clean up; a further signal is dropped until then, for it would end the cleaning.
_CLEANING_S = 10.0
# As frames name Python's own code of imports.
_IMPORTER = "<frozen importlib._bootstrap>"


class Interrupts:
    """What was heard: `number` is the first signal that came, SIGINT if none did."""

    def __init__(self) -> None:
        self.number = signal.SIGINT
        self.came = False
        self._deaf_until_s = 0.0

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Raises KeyboardInterrupt, unless an earlier signal is ending the program already."""
        if number != signal.SIGALRM:
            if time.monotonic() < self._deaf_until_s:
                return
            if not self.came:
                self.number = signal.Signals(number)
            self.came = True
            self._deaf_until_s = time.monotonic() + _CLEANING_S
        if _is_import(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            raise KeyboardInterrupt


def _is_import(frame: FrameType | None) -> bool:
    """Whether a module is being imported: Python could keep its lock of imports, and native modules end the process."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            return True
        frame = frame.f_back
    return False


@contextmanager
def lasting_interrupts() -> Iterator[Interrupts]:
    """Inside, on the main thread, a signal that ends always ends in KeyboardInterrupt. An ignored one stays ignored."""
    ends = (signal.SIG_DFL, signal.default_int_handler)
    numbers = [number for number in ENDING_SIGNALS if signal.getsignal(number) in ends]
    heard = Interrupts()

    def report(unraisable: UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        # What was half made when the interrupt came says so when it is removed.
        elif not heard.came:
            earlier_hook(unraisable)

    earlier_hook, sys.unraisablehook = sys.unraisablehook, report
    earlier = {number: signal.signal(number, heard.hear) for number in (*numbers, signal.SIGALRM)}
    try:
        yield heard
    except Exception as error:
        if heard.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        sys.unraisablehook = earlier_hook


def _say_nothing(_: UnraisableHookArgs) -> None:
    pass


def ignore_further() -> None:
    """The program is ending: a further signal would only disturb it, and what is half made would say so."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.unraisablehook = _say_nothing
    # Python remembers a KeyboardInterrupt that came out of an `exec`, as dataclasses are made by, until the next one:
    # it would end the program by SIGINT in place of the exit code.
    exec("")

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

from tuner.spawning import ENDING_SIGNALS

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# So long after it was lost or put off an interrupt comes again, and if need be once more.
_AGAIN_S = 0.05
# So long the program may clean up; a further signal is dropped until then, for it would end the cleaning.
_CLEANING_S = 10.0
# As frames name Python's own code of imports, in which another thread would wait for ever for a lock that is lost.
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
        if frame is not None and frame.f_code.co_filename == _IMPORTER:
            # Python may have taken its lock of imports and not come to where it would release it.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            raise KeyboardInterrupt


@contextmanager
def lasting_interrupts() -> Iterator[Interrupts]:
    """Inside, on the main thread, a signal that ends always ends in KeyboardInterrupt. An ignored one stays ignored."""
    ends = (signal.SIG_DFL, signal.default_int_handler)
    numbers = [number for number in ENDING_SIGNALS if signal.getsignal(number) in ends]
    heard = Interrupts()

    def report(unraisable: UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
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


def ignore_further() -> None:
    """The program is ending: a further signal would only stop it from doing so in good order."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # Python remembers a KeyboardInterrupt that came out of an `exec`, as dataclasses are made by, until the next one:
    # it would end the program by SIGINT in place of the exit code.
    exec("")

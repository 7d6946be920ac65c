# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ctrl-C that is not lost.

Python raises KeyboardInterrupt wherever the main thread is. In a destructor or a callback of native code nobody can
catch it: it is reported as ignored, and the program goes on. Native code can also make another exception of it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# So long after it was lost an interrupt comes again: the destructor or callback has ended by then, or it is lost anew.
_AGAIN_S = 0.05


@contextmanager
def lasting_interrupts() -> Iterator[None]:
    """Inside, on the main thread, a Ctrl-C always ends in KeyboardInterrupt. Where it is ignored, nothing changes."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.default_int_handler(number, frame)

    def report(unraisable: UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            earlier_hook(unraisable)

    earlier_hook, sys.unraisablehook = sys.unraisablehook, report
    earlier = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGALRM)}
    try:
        yield
    except Exception as error:
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        sys.unraisablehook = earlier_hook

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What processes need that Python spawns: to leave Ctrl-C to their parent, and a script that may be imported."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


def refuse_unguarded(called: str) -> None:
    """Raises SystemExit where this process is just being spawned and imports the script that did it.

    It would do again what it is to help with, and fail at that.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            f"{called} spawns processes, which import the script: call it under `if __name__ == '__main__':`"
        )


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes and threads that start inside hear nothing of Ctrl-C; the caller hears it afterwards.

    Ctrl-C reaches a whole process group. A process that is importing its modules would say in a traceback where it was.
    """
    # It would unblock the signal when it starts, which it does with the first process.
    resource_tracker.ensure_running()
    with _postponed():
        # A mask, not a handler, is inherited.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _postponed() -> Iterator[None]:
    """A Ctrl-C that another thread takes reaches the main thread at the end, where no process is half started."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if heard:
            handler(*heard[-1])

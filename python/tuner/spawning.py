# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Starts processes that leave Ctrl-C to their parent, from their first instruction on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


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

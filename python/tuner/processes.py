# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spawned processes: they leave Ctrl-C to their parent, need a script that can be imported, and may be killed."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

# The signals by which users and systems end programs.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def refuse_unguarded(called: str) -> None:
    """Raises SystemExit if this process is being spawned and imports the script that spawned it.

    It would repeat the call that spawned it, and fail.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            f"{called} spawns processes, which import the script: call it under `if __name__ == '__main__':`"
        )


def ended_from_outside(exit_code: int | None) -> bool:
    """Whether a process was ended by somebody else, as Linux does when memory is short: its work was not the cause."""
    return exit_code is not None and -exit_code in (*ENDING_SIGNALS, signal.SIGKILL)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Blocks Ctrl-C for processes and threads that start inside. The caller receives it, or another signal, afterwards.

    Ctrl-C reaches a whole process group. A process that is importing its modules would print a traceback.
    """
    with _postponed():
        _start_tracker()
        # A mask, not a handler, is inherited.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_tracker() -> None:
    """Starts Python's resource tracker, which otherwise starts with the first process.

    It ignores SIGINT and SIGTERM, but SIGHUP would end it. When it starts it unblocks signals of the caller.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _postponed() -> Iterator[None]:
    """Delivers ending signals to the main thread afterwards, when no process is half started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[tuple[int, FrameType | None]] = []
    # SIGALRM repeats a signal that was lost.
    handlers = {number: signal.getsignal(number) for number in (*ENDING_SIGNALS, signal.SIGALRM)}
    kept = {number: handler for number, handler in handlers.items() if callable(handler)}
    for ending in kept:
        signal.signal(ending, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        for ending, handler in kept.items():
            signal.signal(ending, handler)
        if received:
            number, frame = received[0]
            kept[signal.Signals(number)](number, frame)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spawned processes need: to leave Ctrl-C to their parent, a script that may be imported; and how they end."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

# Those by which users and systems end programs.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def refuse_unguarded(called: str) -> None:
    """Raises SystemExit where this process is just being spawned and imports the script that did it.

    It would do again what it is to help with, and fail at that.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            f"{called} spawns processes, which import the script: call it under `if __name__ == '__main__':`"
        )


def ended_from_outside(exit_code: int | None) -> bool:
    """Whether somebody else ended a process (the kernel does when memory is short): no fault of what it worked on."""
    return exit_code is not None and -exit_code in (*ENDING_SIGNALS, signal.SIGKILL)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes and threads that start inside hear nothing of Ctrl-C; the caller hears it, or another end, afterwards.

    Ctrl-C reaches a whole process group. A process that is importing its modules would say in a traceback where it was.
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
    """Starts Python's process that removes what others leave, which else starts with the first process.

    It ignores SIGINT and SIGTERM, but of SIGHUP it would die. When it starts it unblocks signals of the caller.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _postponed() -> Iterator[None]:
    """A signal that ends reaches the main thread at the end, where no process is half started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    # By SIGALRM one comes again that was lost.
    handlers = {number: signal.getsignal(number) for number in (*ENDING_SIGNALS, signal.SIGALRM)}
    kept = {number: handler for number, handler in handlers.items() if callable(handler)}
    for each in kept:
        signal.signal(each, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)
        if heard:
            number, frame = heard[0]
            kept[signal.Signals(number)](number, frame)

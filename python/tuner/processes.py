# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spawned processes: they leave Ctrl-C to their parent, need a script that can be imported, and may be killed."""

from __future__ import annotations

import ast
import multiprocessing
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from types import FrameType

from tuner.errors import InputError

# The signals by which users and systems end programs.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a script asks for to find out whether it is run or imported by a process that it spawned.
_GUARDS = frozenset(("__name__", "current_process", "parent_process"))
# The name of the file that Python gives a script from standard input.
_STANDARD_INPUT = "<stdin>"


def refuse_unguarded(called: str) -> None:
    """Raises InputError if a script calls `called` as soon as it is imported, which every spawned process does.

    A script that hides this too well spawns processes. These end here by SystemExit, for they would repeat the call.
    A script from standard input is no file that they could import, so they are not told of it.
    """
    sentence = f"{called} starts processes, which import the script again: call it under `if __name__ == '__main__':`"
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(sentence)
    if _is_unguarded():
        raise InputError(sentence)
    main = sys.modules["__main__"]
    if getattr(main, "__file__", None) == _STANDARD_INPUT:
        del main.__file__


def _is_unguarded() -> bool:
    """Whether the script's own top level is running, and no condition before or around that line is a guard."""
    main = sys.modules["__main__"]
    path, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    # Source: multiprocessing.spawn. Nothing is imported again for a prompt, a notebook, or a package's `__main__`.
    if path is None or (spec is not None and spec.name.rpartition(".")[2] == "__main__"):
        return False
    frames = traceback.walk_stack(None)
    lines = [line for frame, line in frames if frame.f_globals is vars(main) and frame.f_code.co_name == "<module>"]
    if not lines:
        return False
    try:
        script = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    until = [statement for statement in script.body if statement.lineno <= lines[-1]]
    tests = [node.test for statement in until for node in ast.walk(statement) if isinstance(node, ast.If | ast.IfExp)]
    named = {name for test in tests for node in ast.walk(test) for name in (_name_of(node),)}
    return not named & _GUARDS


def _name_of(node: ast.AST) -> str:
    """The name that a node looks up, "" for any other node."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


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

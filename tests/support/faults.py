# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real faults for tests: processes killed from outside, and what is left of a run's processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tuner.measuring.local_process import PROCESS_NAME


def children(parent: int) -> dict[int, tuple[str, str]]:
    """The children of a process: name and state ("R" runs, "Z" is a zombie) by process id."""
    found = {}
    # Listed by the thread that started them. Looking through all processes, as often as tests ask, is slow.
    for listed in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in listed.read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):
                    before, _, after = Path(f"/proc/{child}/stat").read_text().rpartition(")")
                    # Python's own helper, which every process that spawned another keeps until it ends.
                    if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text():
                        found[int(child)] = (before.partition("(")[2], after.split()[0])
    return found


def measuring(parent: int) -> list[int]:
    """The processes that measure for a run in process `parent`."""
    return [pid for pid, (name, _) in children(parent).items() if name == PROCESS_NAME]


def compiling(parent: int) -> list[int]:
    """The processes that compile, and are busy, for a run in process `parent`."""
    return [pid for pid, (name, state) in children(parent).items() if name != PROCESS_NAME and state == "R"]


def kill(pids: list[int]) -> int:
    """Kills them as the kernel would; how many were still there."""
    killed = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            pass
    return killed


@contextmanager
def started(*arguments: object, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """`iree-tune` with the arguments, leader of a process group; whatever of the group is left at the end is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tuner", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def group_lives(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def meanwhile(step: Callable[[], object], every_s: float = 0.02) -> Iterator[None]:
    """Does `step` again and again in another thread. What it raises is raised at the end."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.is_set():
            step()
            time.sleep(every_s)

    with ThreadPoolExecutor(1) as threads:
        looping = threads.submit(loop)
        try:
            yield
        finally:
            ended.set()
        looping.result()

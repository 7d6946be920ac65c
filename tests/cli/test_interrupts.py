# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Ctrl-C ends what it was meant for, wherever it finds the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import faults
import samples

PREAMBLE = """
import ctypes, importlib._bootstrap, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from tuner.cli.interrupts import lasting_interrupts
from tuner.processes import interrupts_blocked

def interrupt():
    signal.raise_signal(signal.SIGINT)

class Dying:
    def __del__(self):
        interrupt()

def cleaning():
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.raise_signal(number)
        print("cleaned", end=" ")

def importing():
    # As where Python takes its lock of imports: the frame is its own.
    importlib._bootstrap._call_with_frames_removed(signal.raise_signal, signal.SIGINT)
    print("released", end=" ")
    time.sleep(30)

def translated():
    try:
        interrupt()
    except KeyboardInterrupt:
        raise RuntimeError("an exception in a callback") from None

def starting():
    with ThreadPoolExecutor(1) as others:
        others.submit(time.sleep, 0).result()
        with interrupts_blocked():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
            print("started", end=" ")

def pigeons(holes):
    import z3
    from tuner.constraints.asking import ask
    solver = z3.Solver()
    at = [[z3.Bool(f"{pigeon} {hole}") for hole in range(holes)] for pigeon in range(holes + 1)]
    for place in at:
        solver.add(z3.Or(place))
    for hole in range(holes):
        for one in range(holes + 1):
            solver.add([z3.Not(z3.And(at[one][hole], at[other][hole])) for other in range(one)])
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    return ask(solver)
"""


def ended(body: str, around: str = "lasting_interrupts()") -> subprocess.CompletedProcess[str]:
    """A program that does `body` and says how it ended."""
    code = PREAMBLE + textwrap.dedent(f"""
        try:
            with {around}:
                {body}
        except BaseException as error:
            print(type(error).__name__)
        else:
            print("went on")
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getitimer(signal.ITIMER_REAL)[0])
    """)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "body",
    [
        "interrupt()",
        "Dying(); time.sleep(30)",
        "[Dying() for _ in range(5)].clear(); time.sleep(30)",
        "ctypes.CFUNCTYPE(None)(interrupt)(); time.sleep(30)",
        "translated()",
        "pigeons(14)",
        "signal.raise_signal(signal.SIGTERM)",
        "signal.raise_signal(signal.SIGHUP)",
    ],
)
def test_an_interrupt_is_not_lost(body: str) -> None:
    done = ended(body)
    assert done.stdout.split() == ["KeyboardInterrupt", "True", "0.0"], done.stderr
    assert done.stderr == ""


def test_an_interrupt_waits_until_processes_are_started() -> None:
    """The kernel hands it to a thread that does not block it, and Python raises it in the main thread all the same."""
    done = ended("starting()")
    assert done.stdout.split() == ["started", "KeyboardInterrupt", "True", "0.0"], done.stderr


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param("cleaning()", "cleaned", id="a further one does not end the cleaning"),
        pytest.param("importing()", "released", id="one amid an import waits until Python holds no lock"),
    ],
)
def test_an_interrupt_leaves_order(body: str, says: str) -> None:
    done = ended(body)
    assert done.stdout.split() == [says, "KeyboardInterrupt", "True", "0.0"], done.stderr
    assert done.stderr == ""


def test_the_exit_code_is_ours_also_after_an_interrupt_in_code_that_was_made_of_text(tmp_path: Path) -> None:
    """As dataclasses are made. Python itself ends by SIGINT then, if its program is a module."""
    (tmp_path / "ending.py").write_text(
        textwrap.dedent("""
            import sys
            from tuner.cli.interrupts import ignore_further
            try:
                exec("raise KeyboardInterrupt")
            except KeyboardInterrupt:
                ignore_further()
            sys.exit(143)
        """)
    )
    assert subprocess.run([sys.executable, "-m", "ending"], cwd=tmp_path, check=False, timeout=60).returncode == 143


def test_without_it_one_in_a_destructor_is_lost() -> None:
    done = ended("Dying()", around="threading.Lock()")
    assert done.stdout.split()[:2] == ["went", "on"]
    assert "ignored" in done.stderr


def test_other_errors_stay_what_they_are() -> None:
    assert ended("1 / 0").stdout.split()[0] == "ZeroDivisionError"
    assert ended("pass").stdout.split() == ["went", "on", "True", "0.0"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGTERM"])
def test_what_is_ignored_stays_so(name: str) -> None:
    ignored = f"signal.signal(signal.{name}, signal.SIG_IGN)"
    body = f"{ignored}\nwith lasting_interrupts():\n    signal.raise_signal(signal.{name})\nprint('went on')"
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + body], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_an_interrupt_while_processes_start_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(64, 64, 64))
    with faults.started("run", "model.mlir", "--run-dir", "run", cwd=tmp_path) as process:
        deadline = time.monotonic() + 60
        # They were handed what they are for, and import their modules.
        while time.monotonic() < deadline and not (spawned(process.pid) > 1 and (tmp_path / "run/benchmarks").exists()):
            time.sleep(0.005)
        assert spawned(process.pid) >= 2
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, len(stderr.strip().splitlines())) == (130, 1), stderr
    assert "interrupted" in stderr


def spawned(group: int) -> int:
    """How many processes of ours the group has that multiprocessing started."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group and b"spawn_main" in (folder / "cmdline").read_bytes():
                found += 1
        except OSError:
            continue
    return found

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looks for data races in shared memory by NVIDIA's compute-sanitizer, a program that may be on PATH.

It watches a process that loads one program and runs it once. Its output, of releases 2021 to 2025, ends in a line such
as `========= RACECHECK SUMMARY: 2 hazards displayed (1 error, 1 warning)`.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tuner.foreign import printable
from tuner.measuring.programs import ProgramSource
from tuner.targets import Device

TOOL = "compute-sanitizer"
# Why a check was not made, for people.
ABSENT = f"{TOOL} is not on PATH"
# Why a check waits until those of other winners are made too, or is not made at all.
NO_TIME = "the budget has no time for it"
# Checks that run side by side. On an H200 one takes 3 to 6 s for a product or convolution of 50 to 150 us and 14 s for
# one of 690 us, eight side by side 23 s instead of 54.
_AT_ONCE = 8
_STARTED_S, _EACH_S = 4.0, 1.5
_SUMMARY = re.compile(r"RACECHECK SUMMARY: \d+ hazards? displayed \((\d+) errors?, (\d+) warnings?\)")
# The seed of the data that the program runs on.
_SEED = 1
# Characters of the tool's last line that a reason shows.
_SHOWN = 120
# The process that the tool watches.
_WATCHED = f"import sys; from {__name__} import run_once; run_once(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class RaceCheck:
    """What racecheck found in one run of a program.

    `errors`: hazards by which a result can depend on the order of threads; `warnings`: hazards between threads that do
    not change it. `not_run`: why it was not run, or not to its end; "" if it was.
    """

    errors: int = 0
    warnings: int = 0
    not_run: str = ""

    def __str__(self) -> str:
        if self.not_run:
            return f"racecheck not run ({self.not_run})"
        found = [
            f"{count} {what}{'' if count == 1 else 's'}"
            for count, what in ((self.errors, "error"), (self.warnings, "warning"))
            if count
        ]
        return f"racecheck: {' and '.join(found) or 'no hazards'}"


NO_RACES = RaceCheck()


def check_checked(runs: int, races: RaceCheck | None) -> None:
    """Raises ValueError unless a check can have had so many runs on each seed, and found these hazards."""
    if runs < 1:
        raise ValueError(f"it was checked in {runs} runs, and one is needed")
    if races is not None and min(races.errors, races.warnings) < 0:
        raise ValueError("its racecheck has a negative number of hazards")


def find_races(source: ProgramSource, device_uri: str, limit_s: float, tool: str = TOOL) -> RaceCheck:
    """Runs a program once under the tool. What goes wrong is a reason of the result, never an error."""
    path = shutil.which(tool)
    if path is None:
        return RaceCheck(not_run=ABSENT)
    with tempfile.TemporaryDirectory(prefix="iree-tuner-racecheck-") as folder:
        program = Path(folder) / "program.pickle"
        program.write_bytes(pickle.dumps((source, device_uri)))
        watched = [sys.executable, "-c", _WATCHED, str(program), str(math.ceil(limit_s))]
        return _run([path, "--tool", "racecheck", *watched], limit_s)


def find_races_in_all(
    sources: Sequence[ProgramSource], device_uri: str, limit_s: float, tool: str = TOOL
) -> list[RaceCheck]:
    """The same of each program, eight side by side, in `limit_s` seconds in all."""
    rounds = max(1, math.ceil(len(sources) / _AT_ONCE))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda source: find_races(source, device_uri, limit_s / rounds, tool), sources))


def expected_s(device: Device, programs: int) -> float:
    """Seconds that checks of so many programs take, about; 0 if the device has none, or this machine lacks the tool."""
    if not programs or not device.has_racecheck or shutil.which(TOOL) is None:
        return 0.0
    return _STARTED_S + _EACH_S * programs


def parse(output: str) -> RaceCheck:
    """What the tool's output says."""
    found = _SUMMARY.findall(output)
    if not found:
        lines = [line for line in printable(output).splitlines() if line.strip(" =")]
        return RaceCheck(not_run=f"{TOOL} gave no summary: {lines[-1].strip(' =')[:_SHOWN] if lines else 'no output'}")
    errors, warnings = found[-1]
    return RaceCheck(int(errors), int(warnings))


def _run(command: Sequence[str], limit_s: float) -> RaceCheck:
    """The tool starts a process of its own, so the whole group is ended when time is up."""
    # The process imports this package from where this one did, be that a folder or an archive.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return RaceCheck(not_run=f"{TOOL} cannot be started: {error.strerror}")
    with process:
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return RaceCheck(not_run=f"it did not end within {limit_s:.0f} s")
    return parse(output.decode(errors="replace"))


def run_once(path: str, limit_s: str) -> None:
    """Runs in the watched process: loads the program that `path` names and runs it, and ends at the limit at last."""
    # The process may outlive the one that waits for it.
    signal.alarm(int(limit_s))
    source, device_uri = pickle.loads(Path(path).read_bytes())
    program = source.load(device_uri)
    program.fill(_SEED)
    program.run(1)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What compute-sanitizer says is read, whatever the release; that it is absent, slow or broken is a reason."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tuner.measuring.racecheck import (
    ABSENT,
    NO_RACES,
    RaceCheck,
    check_checked,
    expected_s,
    find_races,
    find_races_in_all,
    parse,
)
from tuner.testing.replay import DEVICE, ReplayedProgram

SOURCE = ReplayedProgram("mine")
# The lines of a tool's release, with hazards between the threads of one kernel.
HAZARDS = """\
========= COMPUTE-SANITIZER
========= Error: Race reported between Write access at 0x310 in main_dispatch_0_matmul_64x64x64_f16
=========     and Read access at 0x4d0 in main_dispatch_0_matmul_64x64x64_f16 [128 hazards]
=========     and Read access at 0x540 in main_dispatch_0_matmul_64x64x64_f16 [64 hazards]
=========
========= Warning: Race reported between Write access at 0x310 in main_dispatch_0_matmul_64x64x64_f16
=========     and Write access at 0x310 in main_dispatch_0_matmul_64x64x64_f16 [32 hazards]
=========
"""


@pytest.mark.parametrize(
    ("summary", "races", "says"),
    [
        ("0 hazards displayed (0 errors, 0 warnings)", RaceCheck(), "racecheck: no hazards"),
        ("1 hazard displayed (1 error, 0 warnings)", RaceCheck(1), "racecheck: 1 error"),
        ("2 hazards displayed (0 errors, 2 warnings)", RaceCheck(0, 2), "racecheck: 2 warnings"),
        ("5 hazards displayed (4 errors, 1 warning)", RaceCheck(4, 1), "racecheck: 4 errors and 1 warning"),
    ],
)
def test_the_summary_counts(summary: str, races: RaceCheck, says: str) -> None:
    found = parse(f"{HAZARDS}========= RACECHECK SUMMARY: {summary}\n")
    assert found == races
    assert str(found) == says


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("", "gave no summary: no output"),
        (
            "=========\n========= Error: device not supported.\n=========\n",
            "gave no summary: Error: device not supported.",
        ),
        ("========= \x1b[31mError\n", r"gave no summary: \x1b[31mError"),
    ],
)
def test_an_output_without_a_summary_is_no_check(output: str, says: str) -> None:
    found = parse(output)
    assert (found.errors, found.warnings) == (0, 0)
    assert found.not_run.endswith(says)
    assert str(found) == f"racecheck not run ({found.not_run})"


def tool(folder: Path, script: str) -> str:
    """A program that stands for compute-sanitizer; its arguments are the same."""
    path = folder / "sanitizer"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_tool_that_is_absent_is_named() -> None:
    assert find_races(SOURCE, "cuda", 5.0, "no-such-sanitizer") == RaceCheck(not_run=ABSENT)


def test_the_tool_is_asked_for_races_of_a_process_that_runs_the_program(tmp_path: Path) -> None:
    script = f'echo "$1 $2" > {tmp_path}/asked; test "$(basename "$3")" = "$4" -o -x "$3" || exit 1\n'
    script += 'echo "========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)"'
    assert find_races(SOURCE, "cuda", 5.0, tool(tmp_path, script)) == RaceCheck(1)
    assert (tmp_path / "asked").read_text() == "--tool racecheck\n"


def test_what_the_watched_process_says_is_kept_if_there_is_no_summary(tmp_path: Path) -> None:
    """A replayed program cannot be loaded: the process ends with the reason."""
    found = find_races(SOURCE, "cuda", 30.0, tool(tmp_path, 'shift 2; exec "$@"'))
    assert "mine is replayed, it cannot be loaded on cuda" in found.not_run


def test_a_tool_that_does_not_end_is_ended(tmp_path: Path) -> None:
    found = find_races(SOURCE, "cuda", 0.2, tool(tmp_path, "sleep 60 & wait"))
    assert found == RaceCheck(not_run="it did not end within 0 s")


def test_a_tool_that_cannot_start_is_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "sanitizer"
    path.write_bytes(b"\x7fELF broken")
    path.chmod(0o755)
    assert "cannot be started" in find_races(SOURCE, "cuda", 5.0, str(path)).not_run


def test_impossible_findings_are_refused() -> None:
    check_checked(20, RaceCheck(0, 3))
    with pytest.raises(ValueError, match="in 0 runs"):
        check_checked(0, None)
    with pytest.raises(ValueError, match="negative number of hazards"):
        check_checked(1, RaceCheck(-1))


def test_programs_are_watched_side_by_side(tmp_path: Path) -> None:
    script = 'sleep 0.5; echo "RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"'
    started = time.monotonic()
    found = find_races_in_all([SOURCE] * 4, "cuda", 30.0, tool(tmp_path, script))
    assert found == [NO_RACES] * 4
    assert time.monotonic() - started < 4 * 0.5


def test_only_a_device_with_the_tool_is_expected_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = replace(DEVICE, has_racecheck=True)
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/tool")
    assert 0.0 < expected_s(gpu, 1) < expected_s(gpu, 8) < 8 * expected_s(gpu, 1)
    assert expected_s(gpu, 0) == expected_s(DEVICE, 8) == 0.0
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert expected_s(gpu, 8) == 0.0

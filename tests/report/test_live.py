# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The live page of a run that goes on: made of its log, renewed when that grows, served to this machine alone."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands import assert_fails, here
from places import DATA
from tuner.errors import InputError
from tuner.report.live import LiveRun

RUN = DATA / "h200_run"
LINES = (RUN / "log.jsonl").read_text().splitlines(keepends=True)
TIMEOUT_S = 60


def begin(folder: Path, lines: int) -> Path:
    """A run that has logged so many lines, the last of them half written."""
    folder.mkdir()
    shutil.copy(RUN / "command.json", folder)
    if lines:
        (folder / "log.jsonl").write_text("".join(LINES[:lines]) + LINES[lines][:50])
    return folder


def go_on(folder: Path, lines: int) -> None:
    (folder / "log.jsonl").write_text("".join(LINES[:lines]))


def test_the_page_grows_with_the_run(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", 0)
    live = LiveRun(folder)
    assert "No candidate has ended yet." in live.page()
    go_on(folder, 11)
    assert "10 candidates so far. Speed-ups are raw" in live.page()
    go_on(folder, 31)
    assert "30 candidates so far" in live.page()
    assert "data-ended" not in live.page()
    shutil.copy(RUN / "result.json", folder)
    ended = live.page()
    assert "The run has ended: the model is 1.19x [1.15, 1.20] as fast." in ended
    assert "data-ended" in ended


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    live = LiveRun(begin(tmp_path / "run", 5))
    assert "4 candidates so far" in live.page()
    assert "This run has not ended" in live.report()


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", 11)
    now = 1e9
    live = LiveRun(folder, lambda: now)
    first = live.report()
    assert live.report() is first
    go_on(folder, 31)
    assert live.report() is not first


def test_a_folder_without_a_run_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        LiveRun(tmp_path)


def test_a_damaged_log_gets_one_sentence(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", 11)
    (folder / "log.jsonl").write_text("{\n{}\n")
    with pytest.raises(InputError, match="is damaged in line 1"):
        LiveRun(folder).page()


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    folder: Path
    port: int

    def get(self, path: str, host: str | None = None) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{self.port}"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


@pytest.fixture(name="served")
def start_server(tmp_path: Path) -> Iterator[Served]:
    folder = begin(tmp_path / "run", 11)
    command = [sys.executable, "-m", "tuner", "report", str(folder), "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = re.match(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
    assert address is not None
    yield Served(process, folder, int(address[1]))
    process.kill()
    process.communicate()


def test_it_is_served_to_this_machine_until_ctrl_c(served: Served) -> None:
    status, headers, text = served.get("/")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert "10 candidates so far" in text
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    go_on(served.folder, 31)
    assert "30 candidates so far" in served.get("/")[2]
    assert served.get("/live.js")[2].startswith("// Copyright")
    assert "Best raw speed-up so far" in served.get("/report")[2]
    assert served.get("/log.jsonl")[0] == 404
    assert served.get("/../log.jsonl")[0] == 404
    assert served.get("/", host="evil.example")[0] == 403
    served.process.send_signal(signal.SIGINT)
    _, complaints = served.process.communicate(timeout=TIMEOUT_S)
    assert (served.process.returncode, complaints) == (0, "")


@pytest.mark.parametrize("arguments", [["--json", "x.json"], [str(RUN)]])
def test_what_it_cannot_do_beside_gets_one_sentence(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    done = here("report", RUN, "--serve", *arguments, output=capfd)
    assert_fails(done, 2, "--serve writes no file and shows one run")

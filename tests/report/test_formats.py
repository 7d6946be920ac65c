# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of every registered format, and a format that another package adds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import DATA
from tuner import plugins
from tuner.errors import InputError
from tuner.report.formats import Format
from tuner.report.recorded_run import read_run
from tuner.report.writing import write_report

RUN = DATA / "h200_run"
FATES = """
from tuner.report.formats import File


class FatesFormat:
    help = "File for the fate of each candidate."

    def files(self, run, path):
        candidates = [candidate for dispatch in run.dispatches for candidate in dispatch.candidates]
        return [File(path, lambda: "".join(f"{tried.number},{tried.fate.value}\\n" for tried in candidates))]


FATES = FatesFormat()
"""


def iree_tune(package: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(package), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


@pytest.mark.parametrize("name", plugins.names("tuner.formats"))
def test_a_format_names_its_files_and_writes_none(name: str, tmp_path: Path) -> None:
    chosen: Format = plugins.load("tuner.formats", name)
    assert chosen.help.endswith(".")
    assert len(chosen.help.splitlines()) == 1
    run, path = read_run(RUN), tmp_path / "written"
    files = chosen.files(run, path)
    assert files
    assert [file.path for file in files] == [path] or {file.path.parent for file in files} == {path}
    assert list(tmp_path.iterdir()) == []
    assert write_report(RUN, {name: path}) == [file.path for file in files]
    assert all(file.path.read_text() == file.text() != "" for file in files)


def test_a_package_adds_a_format(tmp_path: Path) -> None:
    (tmp_path / "fates.py").write_text(FATES)
    described = tmp_path / "fates-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: fates\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[tuner.formats]\nfates-csv = fates:FATES\n")
    helped = iree_tune(tmp_path, "report", "--help")
    assert "File for the fate of each candidate." in helped.stdout, helped.stderr
    written = tmp_path / "fates.csv"
    done = iree_tune(tmp_path, "report", RUN, "--fates-csv", written)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(written)]
    (dispatch,) = read_run(RUN).dispatches
    expected = [f"{candidate.number},{candidate.fate.value}" for candidate in dispatch.candidates]
    assert written.read_text().splitlines() == expected


def test_a_format_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no format named 'abacus'; choose one of: "):
        write_report(RUN, {"abacus": tmp_path / "written"})

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune clean` removes runs, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tuner.cli import app
from tuner.errors import InputError
from tuner.run_folder import RunFolder, remove_run


def test_runs_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [RunFolder.create(None) for _ in range(2)]
    (folders[0].path / "candidates").mkdir()
    (folders[0].path / "candidates" / "0.vmfb").write_bytes(bytes(2_000_000))
    result = CliRunner().invoke(app, ["clean"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "2.0 MB removed" in result.output
    assert not any(folder.path.exists() for folder in folders)
    assert CliRunner().invoke(app, ["clean"]).output == "There are no runs here.\n"


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(InputError, match="no folder of a run"):
        remove_run(tmp_path)
    assert (tmp_path / "thesis.txt").exists()

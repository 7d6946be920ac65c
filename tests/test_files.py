# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files are written in one step, and only where a file may be put."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tuner.errors import InputError
from tuner.files import check_writable, write_atomically


def test_writing_replaces_in_one_step_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "spec.mlir"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["spec.mlir"]


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "spec.mlir"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "half\ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["spec.mlir"]


def test_what_cannot_be_written_is_found_beforehand(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("a model")
    check_writable(tmp_path / "spec.mlir", kept={model: "the model itself"})
    assert [file.name for file in tmp_path.iterdir()] == ["model.mlir"]
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "spec.mlir", "there is no folder"),
        (model, "is the model itself"),
        (Path("/proc/spec.mlir"), "cannot write"),
    ):
        with pytest.raises(InputError, match=says):
            check_writable(path, kept={model: "the model itself"})


def test_file_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "spec.mlir", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "spec.mlir").stat().st_mode) == 0o640

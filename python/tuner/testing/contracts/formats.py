# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a report's format, on a run that the test gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.report.formats import Format
from tuner.report.recorded_run import RecordedRun


class FormatContract:
    """What every format keeps to. Give `format_` and `run` (a recorded run) as fixtures."""

    @pytest.fixture
    def format_(self) -> Format:
        """The format under test."""
        raise NotImplementedError("override the fixture `format_`")

    @pytest.fixture
    def run(self) -> RecordedRun:
        """A run to report."""
        raise NotImplementedError("override the fixture `run`")

    def test_it_says_what_it_is(self, format_: Format) -> None:
        assert format_.help
        assert "\n" not in format_.help

    def test_it_names_files_and_writes_none(self, format_: Format, run: RecordedRun, tmp_path: Path) -> None:
        path = tmp_path / "report"
        files = format_.files(run, path)
        assert files
        assert len({file.path for file in files}) == len(files)
        assert all(file.path == path or file.path.parent == path for file in files)
        assert list(tmp_path.iterdir()) == []

    def test_its_texts_are_the_same_twice(self, format_: Format, run: RecordedRun, tmp_path: Path) -> None:
        files = format_.files(run, tmp_path / "report")
        texts = [file.text() for file in files]
        assert all(texts)
        assert texts == [file.text() for file in files]

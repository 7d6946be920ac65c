# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune` as a user runs it, and what its users look at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tuner.cli import _run


def iree_tune(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=600)


def here(*arguments: str | Path, output: pytest.CaptureFixture[str]) -> subprocess.CompletedProcess[str]:
    """`iree-tune` in this process, which need not start and import anything for it."""
    words = list(map(str, arguments))
    output.readouterr()
    code = _run(words)
    return subprocess.CompletedProcess(words, code, *output.readouterr())


def write(folder: Path, text: str, name: str = "model.mlir") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The candidates' lines; the others tell of faults and noise."""
    records = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [record for record in records if "candidate" in record]


def assert_fails(result: subprocess.CompletedProcess[str], code: int, says: str) -> None:
    """One sentence on stderr, the right exit code, no traceback."""
    assert result.returncode == code, result.stderr
    assert re.search(says, result.stderr), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert "Traceback" not in result.stderr + result.stdout

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example that is no MLIR: its space is solved, its kernel searched, checked and measured, without a compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from blocked import BLOCK
from places import EXAMPLES

CODE = """
import blocked_numpy as example

if __name__ == "__main__":
    found = example.tune(64, 32, trials=6)
    default, *tried = found.evaluations
    assert len(tried) == 6
    assert {evaluation.fate.value for evaluation in tried} == {"Measured"}, tried
    assert 64 % found.point["rows"] == 0
    # Equal blocks take equal time: what is timed has data to work on.
    assert 0.05 < found.ratio.value < 20, found.ratio
    print("tuned", found.ratio)
"""


def test_it_runs_where_the_compiler_is_not_installed(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(BLOCK.format(blocked=["iree.compiler"]) + f"sys.path.insert(0, {str(EXAMPLES)!r})\n" + CODE)
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert "tuned" in result.stdout

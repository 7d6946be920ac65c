# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The hang of iree-compile that we report to IREE, and the flag that avoids it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT
from tuner.targets.target import NO_THREADS

pytestmark = [
    pytest.mark.compiler,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor alone compiles in one thread"),
]
REPRODUCER = ROOT / "docs" / "upstream" / "iree-compile-hang" / "reproduce.sh"


@pytest.mark.parametrize(
    ("flags", "limit_s", "said"), [((), 5, "1 of 1 hung"), ((NO_THREADS,), 60, "0 of 1 hung")], ids=["threads", "none"]
)
def test_the_reproducer_hangs_but_for_the_flag(flags: tuple[str, ...], limit_s: int, said: str) -> None:
    """If the first no longer hangs, IREE is mended: then the flag can go, and the compiler has its threads again."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(REPRODUCER), *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PATH": path, "RUNS": "1", "LIMIT_S": str(limit_s)},
    )
    assert done.stdout.strip() == said, done.stderr

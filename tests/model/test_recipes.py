# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each recipe of docs/frontends.md runs as printed, in an environment that has our package with the extra it names."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT
from printed import BLOCK

PAGE = ROOT / "docs" / "frontends.md"
# Any release would do; an index may have a build for CPUs of this one.
CONSTRAINTS = "torch==2.13.0\n"
INSTALL_TIMEOUT_S, TIMEOUT_S = 1800, 900


def section(heading: str) -> str:
    """The text below a heading of the page."""
    _, _, after = PAGE.read_text().partition(f"\n## {heading}\n")
    assert after, heading
    return after.partition("\n## ")[0]


@pytest.mark.network
@pytest.mark.parametrize(("heading", "extra"), [("PyTorch", "torch"), ("JAX", "jax"), ("Hugging Face", "transformers")])
def test_a_recipe_runs_with_its_extra_alone(heading: str, extra: str, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (tmp_path / "constraints.txt").write_text(CONSTRAINTS)
    install = [
        environment / "bin" / "pip",
        "install",
        "--quiet",
        "-c",
        tmp_path / "constraints.txt",
        f"{ROOT}[{extra}]",
    ]
    subprocess.run(list(map(str, install)), check=True, timeout=INSTALL_TIMEOUT_S)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["PATH"] = f"{environment / 'bin'}:{os.environ['PATH']}"
    work = tmp_path / "work"
    work.mkdir()
    ran = 0
    for language, text in ((found[2], found[3]) for found in BLOCK.finditer(section(heading))):
        if language == "python":
            (work / f"block{ran}.py").write_text(text)
        for command in text.splitlines() if language == "sh" else [f"python block{ran}.py"]:
            done = subprocess.run(
                shlex.split(command),
                capture_output=True,
                text=True,
                check=False,
                cwd=work,
                env=variables,
                timeout=TIMEOUT_S,
            )
            # On a busy machine an entry may not hold again.
            allowed = (0, 1) if command.startswith("iree-tune check") else (0,)
            assert done.returncode in allowed, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            assert "Traceback" not in done.stderr
        ran += 1
    assert ran >= 2

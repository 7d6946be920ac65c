# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The problems of another tuner's tests: all can be read, and a candidate of ours compiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from iree.compiler import ir

from peer_problems import CHIPS, PROBLEMS, compared, opened, totals


def test_every_problem_is_a_model_for_every_chip(tmp_path: Path) -> None:
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)
    for chip in CHIPS:
        for problem in PROBLEMS:
            with ir.Context():
                ir.Module.parseFile(str(opened(problem, chip, tmp_path).path))


@pytest.mark.compiler
@pytest.mark.gpu
def test_a_problem_of_theirs_has_solutions_that_compile() -> None:
    (problem,) = (problem for problem in PROBLEMS if problem.name == "matmul 30x30x30 f16")
    result = compared(problem, "gfx942", samples=2, workers=2, checkout=None)
    assert totals([result]) == {
        "problems": 1,
        "without_solutions": [],
        "compiled": {"gfx942 product": "2 of 2"},
        "min_valid": 1.0,
    }
